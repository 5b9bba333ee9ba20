//! The log: where it goes, in which shape, and that one event is one line of it. Knows nothing of what is logged.

use std::io::{self, IsTerminal as _, Write};

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Logs to standard error from here on, panics included.
pub(super) fn start(format: LogFormat, verbose: bool) {
    // Foreign crates never say more than `info`: at `debug` they log data.
    let filter = EnvFilter::new(if verbose { "info,vestibule=debug" } else { "info" });
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| OneLine(io::stderr()));
    match format {
        LogFormat::Text => subscriber.with_target(false).with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    // The default hook writes several lines, which no reader of JSON understands.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        tracing::error!(
            place,
            "panicked: {}",
            info.payload_as_str().unwrap_or("with something that is no text")
        );
    }));
}

/// Writes an event on one line, whatever is in it: a line break in a name that somebody chose must not begin what looks
/// like another event. Escape sequences are encoded by the formatter already, which leaves line breaks alone.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    /// Is given one whole event at a time.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let (text, end) = match event.split_last() {
            Some((b'\n', text)) => (text, &b"\n"[..]),
            _ => (event, &b""[..]),
        };
        let mut line = Vec::with_capacity(event.len());
        for byte in text {
            match byte {
                b'\n' => line.extend(b"\\n"),
                b'\r' => line.extend(b"\\r"),
                byte => line.push(*byte),
            }
        }
        line.extend(end);
        self.0.write_all(&line)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let mut written = Vec::new();
        for event in ["first\n", "second\r\nINFO forged\n", "\n", ""] {
            OneLine(&mut written).write_all(event.as_bytes()).unwrap();
        }
        assert_eq!(String::from_utf8(written).unwrap(), "first\nsecond\\r\\nINFO forged\n\n");
    }
}
