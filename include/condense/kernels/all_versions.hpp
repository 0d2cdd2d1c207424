#ifndef CONDENSE_KERNELS_ALL_VERSIONS_HPP
#define CONDENSE_KERNELS_ALL_VERSIONS_HPP

// Every kernel for every instruction set. One of one's own comes behind this, or is put into a `KernelSet`.

#include "condense/kernels/depthwise/avx2.hpp"
#include "condense/kernels/depthwise/avx512_vnni.hpp"
#include "condense/kernels/depthwise/neon.hpp"
#include "condense/kernels/depthwise/scalar.hpp"
#include "condense/kernels/elementwise/avx2.hpp"
#include "condense/kernels/elementwise/avx512_vnni.hpp"
#include "condense/kernels/elementwise/neon.hpp"
#include "condense/kernels/elementwise/scalar.hpp"
#include "condense/kernels/float_gemm/avx2.hpp"
#include "condense/kernels/float_gemm/avx512_vnni.hpp"
#include "condense/kernels/float_gemm/neon.hpp"
#include "condense/kernels/float_gemm/scalar.hpp"
#include "condense/kernels/gemm/avx2.hpp"
#include "condense/kernels/gemm/avx512_vnni.hpp"
#include "condense/kernels/gemm/avx_vnni.hpp"
#include "condense/kernels/gemm/neon.hpp"
#include "condense/kernels/gemm/neon_dotprod.hpp"
#include "condense/kernels/gemm/neon_i8mm.hpp"
#include "condense/kernels/gemm/scalar.hpp"
#include "condense/kernels/layout/avx2.hpp"
#include "condense/kernels/layout/neon.hpp"
#include "condense/kernels/layout/scalar.hpp"
#include "condense/kernels/normalization/avx2.hpp"
#include "condense/kernels/normalization/neon.hpp"
#include "condense/kernels/normalization/scalar.hpp"
#include "condense/kernels/pooling/avx2.hpp"
#include "condense/kernels/pooling/neon.hpp"
#include "condense/kernels/pooling/scalar.hpp"
#include "condense/kernels/reduction/avx2.hpp"
#include "condense/kernels/reduction/neon.hpp"
#include "condense/kernels/reduction/scalar.hpp"

#endif
