#!/bin/sh
set -e
cd "$(dirname "$0")"
${CC:-gcc} ${CFLAGS:--O1} -std=gnu99 -o undo undo.c
