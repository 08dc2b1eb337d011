//! What files say: the tree, the model, what the compiler makes of them, and every fault that they can have.

mod check_invalid;
mod codes;
mod compile_rules;
mod files;
mod fuzz_corpus;
mod model_documents;
mod model_invalid;
mod model_workspace;
mod preset_graphs;
mod schemas;
mod shipped;
