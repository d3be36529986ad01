set -e
mkdir -p bin
${CC:-gcc} $FLAGS -std=gnu11 -Isrc -o bin/errands "src/to do.c" src/main.c
