//! Pictures: read and written, made by nodes in this process, and measured.

mod imagefile;
mod metrics;
mod native_executor;
mod native_nodes;
mod scorers;

use comfywright::plan::OutputFile;

/// The photographs that the project ships.
const PHOTOS: [&str; 9] = [
    "astronaut.jpg",
    "camera.png",
    "chelsea.jpg",
    "clock.png",
    "coffee.jpg",
    "gravel16.png",
    "hubble.jpg",
    "retina.png",
    "rocket.jpg",
];

/// The file at `path`, of which a scorer needs to know nothing else.
fn output_file(path: &str) -> OutputFile {
    OutputFile {
        output: "image".to_owned(),
        index: 0,
        path: path.to_owned(),
        hash: String::new(),
        size: 0,
        mtime_ns: 0,
        inode: 0,
        width: 0,
        height: 0,
    }
}
