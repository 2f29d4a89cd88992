#include "models/bert_heads.h"

namespace medlar::models {
namespace {

constexpr HeadOutput bert_table[] = {
    {.architecture = "ForTokenClassification", .final = Final::labels, .matrix = "classifier"},
    {.architecture = "ForSequenceClassification",
     .pooling = Pooling::first,
     .dense = "bert.pooler.dense",
     .activation = ops::tanh,
     .final = Final::labels,
     .matrix = "classifier"},
    {.architecture = "ForQuestionAnswering", .final = Final::ends, .matrix = "qa_outputs"},
    {.architecture = "ForPreTraining",
     .name = "prediction_logits",
     .dense = "cls.predictions.transform.dense",
     .activation_key = "hidden_act",
     .norm = "cls.predictions.transform.LayerNorm",
     .final = Final::vocabulary,
     .matrix = "cls.predictions.decoder",
     .bias = "cls.predictions.bias"},
    {.architecture = "ForPreTraining",
     .name = "seq_relationship_logits",
     .pooling = Pooling::first,
     .dense = "bert.pooler.dense",
     .activation = ops::tanh,
     .final = Final::labels,
     .matrix = "cls.seq_relationship"},
    {.architecture = "ForPreTraining",
     .name = "pooler_output",
     .pooling = Pooling::first,
     .dense = "bert.pooler.dense",
     .activation = ops::tanh},
    {.architecture = "ForMaskedLM",
     .dense = "cls.predictions.transform.dense",
     .activation_key = "hidden_act",
     .norm = "cls.predictions.transform.LayerNorm",
     .final = Final::vocabulary,
     .matrix = "cls.predictions.decoder",
     .bias = "cls.predictions.bias"},
    {.architecture = "ForNextSentencePrediction",
     .pooling = Pooling::first,
     .dense = "bert.pooler.dense",
     .activation = ops::tanh,
     .final = Final::labels,
     .matrix = "cls.seq_relationship"},
    {.architecture = "Model", .name = "last_hidden_state"},
    {.architecture = "Model",
     .name = "pooler_output",
     .pooling = Pooling::first,
     .dense = "bert.pooler.dense",
     .activation = ops::tanh,
     .if_stored = true},
};

constexpr HeadOutput roberta_table[] = {
    {.architecture = "ForTokenClassification", .final = Final::labels, .matrix = "classifier"},
    {.architecture = "ForSequenceClassification",
     .pooling = Pooling::first,
     .dense = "classifier.dense",
     .activation = ops::tanh,
     .final = Final::labels,
     .matrix = "classifier.out_proj"},
    {.architecture = "ForQuestionAnswering", .final = Final::ends, .matrix = "qa_outputs"},
    {.architecture = "ForMaskedLM",
     .dense = "lm_head.dense",
     .activation = ops::gelu,
     .norm = "lm_head.layer_norm",
     .final = Final::vocabulary,
     .matrix = "lm_head.decoder",
     .bias = "lm_head.bias"},
    {.architecture = "Model", .name = "last_hidden_state"},
    {.architecture = "Model",
     .name = "pooler_output",
     .pooling = Pooling::first,
     .dense = "roberta.pooler.dense",
     .activation = ops::tanh,
     .if_stored = true},
};

}  // namespace

std::span<const HeadOutput> bert_heads() { return bert_table; }
std::span<const HeadOutput> roberta_heads() { return roberta_table; }

}  // namespace medlar::models
