//! Models: small ones whose answers ONNX Runtime gave, wrong ones, and the real ones where they are.

mod agreement;
mod detectors;
mod exports;
mod faults;
mod outlines;
mod pull;
mod real;
mod segmenters;
mod shapes;
mod support;
