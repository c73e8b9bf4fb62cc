//! Thumbnails of untrusted uploads, decoded in a worker process: if the decoder crashes, hangs
//! or uses too much memory, it fails only its own request.
//!
//! Run with: cargo run --release --example thumbnail
//! Try: curl -i 'http://127.0.0.1:8000/thumbnail?width=64' --data-binary @photo.jpg -o thumbnail.png
//!      curl -i http://127.0.0.1:8000/thumbnail --data-binary 'no image at all'
//!      curl -i 'http://127.0.0.1:8000/thumbnail?width=4096' --data-binary @photo.jpg

use std::io::Cursor;

use hybrid::prelude::*;
use image::{ImageError, ImageFormat, ImageReader};

/// Scales an image to a width and returns a PNG.
///
/// A body above 8 KiB lies in memory that server and worker share. `image` is that memory,
/// not a copy.
#[post(
    "/thumbnail",
    lane = process,
    timeout = "5s",
    body_limit = "20MB",
    worker_memory = "512MiB"
)]
fn thumbnail(
    #[query(ge = 16, le = 1024, default = 256, description = "Width in pixels")] width: u32,
    image: Bytes,
) -> Result<impl IntoResponse> {
    let png = scaled(&image, width).map_err(|error| match error {
        ImageError::IoError(_) => Problem::unprocessable("the image is cut off"),
        error => Problem::unprocessable(error.to_string()),
    })?;
    Ok(([("content-type", "image/png")], png))
}

/// An ordinary function: it knows nothing of requests and processes.
fn scaled(image: &[u8], width: u32) -> Result<Vec<u8>, ImageError> {
    let image = ImageReader::new(Cursor::new(image)).with_guessed_format()?;
    let mut png = Cursor::new(Vec::new());
    image
        .decode()?
        .thumbnail(width, u32::MAX)
        .write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

/// The application. Tests build the same one.
pub fn app() -> App {
    App::new().routes(routes![thumbnail])
}

fn main() -> hybrid::Result<()> {
    app().run()
}
