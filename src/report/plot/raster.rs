//! The pixels of a picture, from its SVG, in a program with the feature `png`.

use std::sync::Arc;

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg,
};

use super::RasterError;

/// DejaVu Sans: no font of the system is used, so that the same picture has the same pixels
/// everywhere. Its licence lies beside it.
const FONT: &[u8] = include_bytes!("DejaVuSans.ttf");

const FAMILY: &str = "DejaVu Sans";

/// Pixels of a picture for one of its own: 288 to the inch, which print asks for.
const SCALE: f32 = 3.0;

/// The picture as PNG, three pixels for each of the SVG's.
///
/// # Errors
/// Where the text is no SVG, or the picture is too large for memory.
pub fn png(svg: &str) -> Result<Vec<u8>, RasterError> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    // Whatever family is asked for, there is this one.
    fonts.set_sans_serif_family(FAMILY);
    fonts.set_serif_family(FAMILY);
    fonts.set_monospace_family(FAMILY);
    let options = usvg::Options {
        font_family: FAMILY.into(),
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    };
    let tree =
        usvg::Tree::from_str(svg, &options).map_err(|error| RasterError::Svg(error.to_string()))?;
    let (width, height) = (tree.size().width() * SCALE, tree.size().height() * SCALE);
    let mut pixels = Pixmap::new(width.round() as u32, height.round() as u32)
        .ok_or(RasterError::Size { width, height })?;
    let scale = Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, scale, &mut pixels.as_mut());
    pixels
        .encode_png()
        .map_err(|error| RasterError::Png(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(svg: &str) -> Pixmap {
        Pixmap::decode_png(&png(svg).unwrap()).unwrap()
    }

    fn square(content: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"20\"><rect width=\"40\" height=\"20\" fill=\"#fff\"/>{content}</svg>"
        )
    }

    #[test]
    fn shapes_and_text_become_pixels() {
        let dark = |pixels: &Pixmap| pixels.pixels().iter().filter(|p| p.red() < 128).count();
        let blank = decoded(&square(""));
        assert_eq!((blank.width(), blank.height()), (120, 60));
        assert_eq!(dark(&blank), 0);
        let half = decoded(&square("<rect width=\"20\" height=\"20\"/>"));
        assert_eq!(dark(&half), 60 * 60);
        // Neither family is there but the one that is brought along.
        let text = square("<text x=\"2\" y=\"15\" font-family=\"Helvetica, serif\">0.9²</text>");
        assert!(dark(&decoded(&text)) > 100);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(matches!(png("<p>"), Err(RasterError::Svg(_))));
    }
}
