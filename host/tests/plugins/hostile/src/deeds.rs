//! What it does wrong, by name. System calls are made without the C library's wrappers, which would change them.

mod calls;

use std::hint::black_box;

use crate::frames::{self, ANSWER, frame, front, number, say, write};

/// What a deed comes to, if it comes back.
pub(crate) enum Answer {
    /// What it has found out.
    Found(String),
    /// These bytes in the place of an answer.
    Raw(Vec<u8>),
}

/// An account has to have an id.
const NOTHING: &str = "nothing";

/// Does it.
pub(crate) fn act(deed: &str) -> Answer {
    if let Some(found) = calls::make(deed) {
        return Answer::Found(found);
    }
    if let Some(raw) = answer(deed) {
        return Answer::Raw(raw);
    }
    end(deed);
    hang(deed);
    speak(deed);
    Answer::Found(find(deed))
}

/// The ends of a process.
#[expect(clippy::panic, reason = "a panic that nobody catches is one of the ends")]
fn end(deed: &str) {
    match deed {
        // Out of an `extern "C"` function: there is no SDK that would catch it.
        "panic" => panic!("canary-panic"),
        "abort" => std::process::abort(),
        "exit_0" => std::process::exit(0),
        "exit_7" => std::process::exit(7),
        "stack_overflow" => {
            black_box(deeper(0));
        }
        "memory_hog" => {
            let mut hog = Vec::new();
            loop {
                hog.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "null_write" => {
            // SAFETY: none: it is meant to crash.
            unsafe { black_box(std::ptr::null_mut::<u64>()).write_volatile(1) }
        }
        "null_read" => {
            // SAFETY: none: it is meant to crash.
            black_box(unsafe { black_box(std::ptr::null::<u64>()).read_volatile() });
        }
        "jump_into_data" => {
            let code = black_box([0xc3_u8; 16]);
            // SAFETY: none: it is meant to crash.
            unsafe { std::mem::transmute::<*const u8, extern "C" fn()>(code.as_ptr())() }
        }
        "write_into_code" => {
            // SAFETY: none: it is meant to crash.
            unsafe { (act as *const () as *mut u8).write_volatile(0xcc) }
        }
        "unmap_the_host" => unmap_the_host(),
        _ => machine(deed),
    }
}

/// What single instructions do.
#[cfg(target_arch = "x86_64")]
fn machine(deed: &str) {
    use std::arch::asm;
    // SAFETY: none: each is meant to end the process.
    unsafe {
        match deed {
            "illegal_instruction" => asm!("ud2"),
            "breakpoint" => asm!("int3"),
            "privileged_instruction" => asm!("hlt"),
            "division_by_zero" => {
                asm!("xor ecx, ecx", "div ecx", out("ecx") _, inout("eax") 1 => _, inout("edx") 0 => _);
            }
            // 20 is `getpid` for i386, and `writev` here.
            "call_of_i386" => asm!("int 0x80", inout("eax") 20 => _),
            "call_of_x32" => {
                asm!("syscall", inout("rax") 0x4000_0000_i64 + libc::SYS_getpid => _, out("rcx") _, out("r11") _);
            }
            _ => {}
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn machine(_: &str) {}

fn deeper(depth: u64) -> u64 {
    let page = black_box([depth; 512]);
    if black_box(false) {
        return depth;
    }
    page[0] + deeper(depth + 1)
}

/// The program that the linker has been called from goes away beneath it.
fn unmap_the_host() {
    // SAFETY: the call reads a number that the kernel gave this process.
    let headers = unsafe { libc::getauxval(libc::AT_PHDR) };
    let start = usize::try_from(headers).unwrap_or_default() & !0xfff;
    calls::call(libc::SYS_munmap, [start, 1 << 30, 0, 0, 0, 0]);
}

/// What never comes back.
fn hang(deed: &str) {
    match deed {
        "loop" => loop {
            std::hint::spin_loop();
        },
        "loop_giving_way" => loop {
            std::thread::yield_now();
        },
        "wait_for_nobody" => loop {
            calls::wait(None);
        },
        // Eats what the host says next.
        "read_the_socket" => loop {
            calls::read(3);
        },
        "half_a_frame" => {
            say(&front(1 << 20, number(), ANSWER));
            hang("wait_for_nobody");
        }
        // Slowly enough to take for ever, and quickly enough that there is always something that has just arrived.
        "drip" => {
            say(&front(8 << 20, number(), ANSWER));
            loop {
                say(&[0]);
            }
        }
        // Everything is said before it loops.
        "answer_and_loop" => {
            say(&frame(ANSWER, number(), &crate::account("42")));
            hang("loop_giving_way");
        }
        "answer_for_good_and_loop" => {
            say(&frame(ANSWER, number(), &crate::account("42")));
            calls::read(3);
            say(&frame(8, number(), &[]));
            hang("loop_giving_way");
        }
        _ => {}
    }
}

/// What is said over the host's socket without being asked.
fn speak(deed: &str) {
    let answer = || crate::account("42");
    match deed {
        "garbage" => say(&[0xff; 4096]),
        "zeros" => say(&[0; 4096]),
        "announce_4_gib" => say(&front(u32::MAX, number(), ANSWER)),
        "reserved_bytes" => {
            let mut forged = frame(ANSWER, number(), &answer());
            forged[15] = 1;
            say(&forged);
        }
        "unknown_operation" => say(&frame(ANSWER, number() + 1000, &answer())),
        "operation_0" => say(&frame(ANSWER, 0, &answer())),
        "earlier_operation" => say(&frame(ANSWER, number().wrapping_sub(1), &answer())),
        "answer_twice" => {
            say(&frame(ANSWER, number(), &answer()));
            say(&frame(ANSWER, number(), &answer()));
        }
        "flood_of_frames" => loop {
            say(&frame(ANSWER, number(), &answer()));
        },
        "flood_of_bytes" => loop {
            say(&[0xff; 65_536]);
        },
        "stdout_flood" | "stderr_flood" => {
            let descriptor = if deed.starts_with("stdout") { 1 } else { 2 };
            for _ in 0..256 {
                write(descriptor, &[b'x'; 65_536]);
            }
        }
        _ => {
            if let Some(kind) = deed.strip_prefix("frame_of_kind_").and_then(|kind| kind.parse().ok()) {
                say(&frames::frame(kind, number(), &[]));
            }
        }
    }
}

/// What stands in the place of an answer.
fn answer(deed: &str) -> Option<Vec<u8>> {
    let forged = |head: &[u8]| {
        let mut bytes = u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend_from_slice(head);
        bytes
    };
    Some(match deed {
        "answer_nothing" => Vec::new(),
        "answer_garbage" => vec![0xff; 4096],
        "answer_invalid_utf8" => forged(b"{\"state\":\"\xff\xfe\"}"),
        "answer_deep" => forged(&[vec![b'['; 100_000], vec![b']'; 100_000]].concat()),
        "answer_deep_in_ok" => {
            forged(&[b"{\"ok\":".to_vec(), vec![b'['; 100_000], vec![b']'; 100_000], b"}".to_vec()].concat())
        }
        // More than any frame may carry: the worker's own code cuts it.
        "answer_40_mib" => vec![b' '; 40 << 20],
        _ => return None,
    })
}

/// What it can learn about where it runs.
fn find(deed: &str) -> String {
    match deed {
        "environment" => match std::env::vars_os().next() {
            Some((name, _)) => format!("{name:?}"),
            None => NOTHING.to_owned(),
        },
        "arguments" => std::env::args().collect::<Vec<_>>().join(" "),
        "descriptors" => calls::descriptors(),
        "memory_that_is_refused" => calls::reserve(1 << 30),
        _ => NOTHING.to_owned(),
    }
}
