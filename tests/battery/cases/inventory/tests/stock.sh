#!/bin/sh
# Runs from the folder of the program.
set -e
./inventory tests/stock.csv > /tmp/stock.out
diff -u tests/stock.expected /tmp/stock.out
