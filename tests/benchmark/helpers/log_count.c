// Looks for every line that log_source wrote, in any order, in the files given, and prints how many
// are missing, doubled and torn.
//
//   log_count EXPECTED FILE...
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { line_bytes = 100, digits = 19, longest_line = 1 << 20 };

struct count {
    uint64_t expected, unique, doubled, torn;
    uint8_t* seen;  // A bit for each number.
};

// The number stands at the line's end minus 100 bytes, after whatever the logger puts in front.
static void look_at(struct count* count, const char* line) {
    const size_t length = strlen(line);
    const char* const at = line + length - line_bytes;
    if (length < line_bytes || line[length - 1] != '\n' || at[digits] != ' ') {
        ++count->torn;
        return;
    }
    char* end;
    const uint64_t number = strtoull(at, &end, 10);
    if (end != at + digits || !isdigit((unsigned char)*at) || number >= count->expected) {
        ++count->torn;
        return;
    }
    const uint8_t bit = (uint8_t)(1U << (number % 8));
    if ((count->seen[number / 8] & bit) != 0) {
        ++count->doubled;
    } else {
        count->seen[number / 8] |= bit;
        ++count->unique;
    }
}

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    struct count count = {.expected = strtoull(argv[1], NULL, 10)};
    count.seen = calloc(count.expected / 8 + 1, 1);
    char* const line = malloc(longest_line);
    for (int i = 2; i < argc; ++i) {
        FILE* const file = fopen(argv[i], "r");
        if (file == NULL) continue;
        while (fgets(line, longest_line, file) != NULL) look_at(&count, line);
        fclose(file);
    }
    printf("%llu %llu %llu\n", (unsigned long long)(count.expected - count.unique),
           (unsigned long long)count.doubled, (unsigned long long)count.torn);
    return 0;
}
