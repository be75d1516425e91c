//! WordPiece and table look-up. Twin of `groma._pure.static_model`.

pub struct Model {}
impl Model {
    /// Load the folder `models/static-minilm-256`.
    pub fn load(_folder: &std::path::Path) -> Result<Model, String> { todo!() }
    pub fn dim(&self) -> usize { todo!() }
    /// The unit vector of a text (zero where no word is known), written to `out` (dim).
    pub fn embed(&self, _text: &str, _out: &mut [f32]) { todo!() }
}
/// int8 row and scale as `_pure.static_model.quantize`.
pub fn quantize(_vector: &[f32], _row: &mut [i8]) -> f32 { todo!() }
