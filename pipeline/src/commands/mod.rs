//! The commands of the `fuma` binary, one folder each: arguments, what is run, what is printed.
//!
//! Owns I/O at the outermost edge: files, terminals, the wall clock. Must never hold a rule or decide a colour.

pub mod demo;
pub mod policy;
