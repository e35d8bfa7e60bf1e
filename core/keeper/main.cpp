// The program syspulse-keeper, which `syspulse daemon` becomes; not for people to start.
#include <cstdlib>

#include "keeper/keeper.hpp"
#include "keeper/report.hpp"

int main(int, char** argv) {
    using namespace syspulse::keeper;
    if (is_keeper_process()) return keep(argv);
    Report() << "this is started by syspulse daemon";
    return EXIT_FAILURE;
}
