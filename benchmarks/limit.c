/*
 * What one machine can do at most: open, read and hash every file that is named on standard input, on as many processes as asked for.
 *
 *     cc -O2 -o limit limit.c -lcrypto && ./limit 2 < names
 *
 * Nothing is compared, no path is checked and no result is kept. Prints how many files and bytes were read.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUFFER (128 * 1024)
#define BLOCK 256

int main(int argc, char **argv)
{
    int workers = argc > 1 ? atoi(argv[1]) : 1;
    size_t room = 1 << 16, count = 0;
    char **names = malloc(room * sizeof *names), *line = NULL;
    size_t length = 0;
    ssize_t got;
    while ((got = getline(&line, &length, stdin)) > 0) {
        if (line[got - 1] == '\n')
            line[got - 1] = 0;
        if (count == room)
            names = realloc(names, (room *= 2) * sizeof *names);
        names[count++] = strdup(line);
    }
    size_t block = count / workers < BLOCK ? 1 : BLOCK;
    /* Shared between the processes: the next file to be read, files done, bytes done. */
    long *shared = mmap(NULL, 3 * sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int worker = 0; worker < workers; worker++) {
        if (fork())
            continue;
        static unsigned char buffer[BUFFER], digest[EVP_MAX_MD_SIZE];
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        long files = 0, bytes = 0;
        for (size_t first; (first = __sync_fetch_and_add(&shared[0], block)) < count;) {
            for (size_t each = first; each < first + block && each < count; each++) {
                int file = open(names[each], O_RDONLY);
                if (file < 0)
                    _exit(1);
                EVP_DigestInit_ex(context, EVP_sha256(), NULL);
                while ((got = read(file, buffer, BUFFER)) > 0) {
                    EVP_DigestUpdate(context, buffer, got);
                    bytes += got;
                }
                EVP_DigestFinal_ex(context, digest, NULL);
                close(file);
                files++;
            }
        }
        __sync_fetch_and_add(&shared[1], files);
        __sync_fetch_and_add(&shared[2], bytes);
        _exit(0);
    }
    int status, failed = 0;
    while (wait(&status) > 0)
        failed |= status;
    printf("%ld files %ld bytes\n", shared[1], shared[2]);
    return failed || (size_t)shared[1] != count;
}
