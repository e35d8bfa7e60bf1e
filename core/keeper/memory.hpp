// What the keeper does to stay small.
#pragma once

namespace syspulse::keeper {

// Gives back the pages of program files that the start of a large program has touched, code and
// symbol tables above all. What is needed again comes back from the page cache.
void drop_start_pages();

}  // namespace syspulse::keeper
