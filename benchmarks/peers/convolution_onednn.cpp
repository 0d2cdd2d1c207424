// oneDNN's convolution primitive, with the weights in the layout that it prefers: on images channels last, as the
// others have them, and on images in its own layout, which a whole network of its convolutions could keep. Version 2.

#include <oneapi/dnnl/dnnl_version.h>

#if DNNL_VERSION_MAJOR == 2

#include <unordered_map>

#include "convolution_peer.hpp"
#include "onednn_library.hpp"

namespace condense::benchmarks {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Type = memory::data_type;

dnnl::convolution_forward::primitive_desc describe(const Convolution& c, Tag images) {
  const Layer& layer = c.layer;
  const bool grouped = layer.groups() > 1;
  const Type codes_or_floats = c.integers ? Type::u8 : Type::f32;
  memory::dims weights{layer.outputs / layer.groups(), layer.group_channels(), layer.kernel, layer.kernel};
  if (grouped) weights.insert(weights.begin(), layer.groups());
  dnnl::primitive_attr attributes;
  if (c.integers) {
    constexpr int kPerChannel = 1 << 1;
    attributes.set_output_scales(kPerChannel, std::vector<float>(c.multipliers, c.multipliers + layer.outputs));
  } else {
    dnnl::post_ops clamp;
    clamp.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    attributes.set_post_ops(clamp);
  }
  const dnnl::convolution_forward::desc description(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
      memory::desc({1, layer.channels, layer.size, layer.size}, codes_or_floats, images),
      memory::desc(weights, c.integers ? Type::s8 : Type::f32, Tag::any),
      memory::desc({layer.outputs}, c.integers ? Type::s32 : Type::f32, Tag::a),
      memory::desc({1, layer.outputs, layer.output_size(), layer.output_size()}, codes_or_floats, images),
      {layer.stride, layer.stride}, {layer.pad(), layer.pad()}, {layer.pad_end(), layer.pad_end()});
  return {description, attributes, onednn::engine()};
}

/// The images are in the layout `Tag::any` prefers, or channels last.
template <Tag kImages>
Prepared prepare(const Convolution& c) {
  onednn::use_threads(1);
  const Layer& layer = c.layer;
  const auto described = describe(c, kImages);
  const auto last = [&](const memory::desc& like) {
    return memory::desc(like.dims(), static_cast<Type>(like.data.data_type), Tag::nhwc);
  };
  const bool own_layout =
      described.src_desc() != last(described.src_desc()) || described.dst_desc() != last(described.dst_desc());
  if (kImages == Tag::any && !own_layout) return {};  // the same as channels last

  const auto given = [](const memory::desc& form, const void* data) {
    return memory(form, onednn::engine(), const_cast<void*>(data));
  };
  const memory::desc weights = described.weights_desc();
  const memory plain_weights =
      given({weights.dims(), static_cast<Type>(weights.data.data_type), layer.groups() > 1 ? Tag::gohwi : Tag::ohwi},
            c.weights);
  memory input = given(last(described.src_desc()), c.input);
  memory output = given(last(described.dst_desc()), c.output);
  std::function<void()> collect;
  if (own_layout) {
    input = onednn::reordered(input, described.src_desc());
    const memory result(described.dst_desc(), onednn::engine());
    collect = [from = result, to = output]() mutable {
      dnnl::stream stream(onednn::engine());
      dnnl::reorder(from, to).execute(stream, from, to);
      stream.wait();
    };
    output = result;
  }
  const std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, input},
                                                  {DNNL_ARG_WEIGHTS, onednn::reordered(plain_weights, weights)},
                                                  {DNNL_ARG_BIAS, given(described.bias_desc(), c.bias)},
                                                  {DNNL_ARG_DST, output}};
  return {.run =
              [convolution = dnnl::convolution_forward(described), stream = dnnl::stream(onednn::engine()),
               arguments]() mutable {
                convolution.execute(stream, arguments);
                stream.wait();
              },
          .collect = collect};
}

const RegisterConvolutionPeer kChannelsLast({.name = onednn::name(),
                                             .limit_to = onednn::limit_to,
                                             .prepare = prepare<Tag::nhwc>});
const RegisterConvolutionPeer kBlocked({.name = onednn::name() + " blocked",
                                        .limit_to = onednn::limit_to,
                                        .prepare = prepare<Tag::any>});

}  // namespace
}  // namespace condense::benchmarks

#endif
