#include "model/schedule.hpp"
