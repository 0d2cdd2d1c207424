// Looked up by the leak sanitizer: ONNX Runtime keeps a few bytes to the end, and the tests are about ours.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libonnxruntime"; }
