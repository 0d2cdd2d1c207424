#ifndef CONDENSE_CORE_INLINE_HPP
#define CONDENSE_CORE_INLINE_HPP

// What stands before the definitions in an .ipp file: `inline` where headers define everything, nothing where the
// target condense::compiled compiles them once: Eigen's products and the kernels of all instruction sets cost seconds
// in every file that instantiates them.
#ifdef CONDENSE_COMPILED
#define CONDENSE_INLINE
#else
#define CONDENSE_INLINE inline
#endif

#endif
