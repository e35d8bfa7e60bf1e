#include "platform/clock.hpp"
