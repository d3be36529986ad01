int determinant(const int *cells, int size);
int *parse(const char *path, int *size);
