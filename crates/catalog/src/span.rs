use std::ops::Range;

/// Where something stands: byte offsets into the text.
pub type Span = Range<usize>;
