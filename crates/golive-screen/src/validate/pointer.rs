//! S3: where in a body something is wrong, as a JSON pointer.
//!
//! Never: longer than [`POINTER_MAX`]; never runs on the way of a valid body.

use super::json::Frame;
use super::names::Names;

/// Characters of a pointer in an answer: enough for real paths, too little to echo an attack.
const POINTER_MAX: usize = 256;

/// The way through the open containers to the current value.
pub(super) fn pointer(bytes: &[u8], frames: &[Frame], names: &Names) -> String {
    let mut out = String::new();
    for (depth, frame) in frames.iter().enumerate() {
        out.push('/');
        match frame.first_name {
            None => out += &(frame.elements - 1).to_string(),
            Some(first) => {
                // The object's current name is the last one before those of the next object inside it.
                let next = frames[depth + 1..]
                    .iter()
                    .find_map(|inner| inner.first_name)
                    .unwrap_or(names.len());
                let name = if next > first {
                    names.text(bytes, next - 1)
                } else {
                    None
                };
                let name = String::from_utf8_lossy(name.unwrap_or_default());
                out += &name.replace('~', "~0").replace('/', "~1");
            }
        }
        if out.chars().count() > POINTER_MAX {
            out = out.chars().take(POINTER_MAX).collect();
            out.push('…');
            break;
        }
    }
    out
}
