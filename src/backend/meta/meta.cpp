// Kernels that do nothing: on the meta device tensors have shapes and no memory, so running a
// model's forward answers how much memory it would take.
#include "backend/cpu/shared.h"
#include "backend/kernels.h"

namespace medlar::backend {

const Kernels& meta_kernels() {
  static const Kernels kernels = [] {
    Kernels table;
    table.name = "meta";
    table.panel_bytes = cpu::shared_kernels().panel_bytes;
    table.pack = [](const Stream&, WeightView, const i64*, std::byte*) {};
    table.linear = [](const Stream&, const LinearArgs&) {};
    table.embed = [](const Stream&, const EmbedArgs&) {};
    table.rms_norm = [](const Stream&, const NormArgs&) {};
    table.layer_norm = [](const Stream&, const NormArgs&) {};
    table.rope = [](const Stream&, const RopeArgs&) {};
    table.store_kv = [](const Stream&, const StoreKvArgs&) {};
    table.attention = [](const Stream&, const AttentionArgs&) {};
    table.softmax = [](const Stream&, const SoftmaxArgs&) {};
    table.unary = [](const Stream&, Unary, const float*, i64, float*) {};
    table.binary = [](const Stream&, Binary, const float*, const float*, i64, i64, float*) {};
    table.scale = [](const Stream&, float, const float*, i64, float*) {};
    table.transpose = [](const Stream&, const float*, i64, i64, float*) {};
    table.sum_rows = [](const Stream&, const float*, i64, i64, float*) {};
    table.route = [](const Stream&, const RouteArgs&) {};
    table.clamp = [](const Stream&, float, float, const float*, i64, float*) {};
    table.gather_rows = [](const Stream&, const float*, const i64*, i64, i64, float*) {};
    table.scatter_rows = [](const Stream&, const float*, const i64*, i64, i64, float*) {};
    table.mix_rows = [](const Stream&, const MixRowsArgs&) {};
    return table;
  }();
  return kernels;
}

}  // namespace medlar::backend
