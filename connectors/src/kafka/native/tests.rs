//! Messages are given back whatever becomes of the loop over them. Asks no broker.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

/// Each message is given back once, those behind the one whose look panics as well.
#[test]
fn a_panic_leaks_no_message() {
    let mut numbers = [0_u8, 1, 2, 3];
    let mut messages: Vec<*mut u8> = numbers.iter_mut().map(ptr::from_mut).collect();
    messages.insert(1, ptr::null_mut());
    for panics_at in [0, 2, 9] {
        let given_back = RefCell::new(Vec::new());
        let mut looked_at = 0;
        let looked = catch_unwind(AssertUnwindSafe(|| {
            let left = Left { messages: messages.iter(), give_back: |message| given_back.borrow_mut().push(message) };
            left.look_at_each(|_| {
                assert!(looked_at != panics_at, "as wanted");
                looked_at += 1;
            });
        }));
        assert_eq!(looked.is_err(), panics_at < 4);
        let wanted: Vec<*mut u8> = messages.iter().copied().filter(|message| !message.is_null()).collect();
        assert_eq!(given_back.into_inner(), wanted);
    }
}
