//! Tables: what rows and cells come of bytes.
