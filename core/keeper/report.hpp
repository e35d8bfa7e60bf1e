// One line on stderr, put together without allocating.
#pragma once

namespace syspulse::keeper {

class Report {
  public:
    Report& operator<<(const char* text);
    Report& operator<<(long number);
    ~Report();  // Writes the line, if that needs no waiting.

    Report();
    Report(const Report&) = delete;
    Report& operator=(const Report&) = delete;

  private:
    char text_[512];
    unsigned size_ = 0;
};

}  // namespace syspulse::keeper
