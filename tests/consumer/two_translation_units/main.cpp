// The first translation unit; what it checks is that the two link.
#include "condense/condense.hpp"

condense::Tensor ones(condense::Index count);

int main() { return ones(3).count() == 3 ? 0 : 1; }
