//! What the process says when it ends, to a shell and to a service manager. It must not know what led there.

/// Why the process ended. A unit file names the one that a restart does not mend: `RestartPreventExitStatus=78`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// It did what was asked.
    Fine = 0,
    /// None of the others: the port is taken, the database cannot be written or is behind. (A wrong command line ends with 2, by
    /// clap.)
    Other = 1,
    /// The running server could not be reached, or refused.
    Server = 3,
    /// A plugin could not be used, where a verb was about plugins; a server that has others serves those.
    Plugin = 5,
    /// The configuration is at fault (`EX_CONFIG` of sysexits.h).
    Configuration = 78,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_unit_files_were_written_against() {
        let codes =
            [ExitCode::Fine, ExitCode::Other, ExitCode::Server, ExitCode::Plugin, ExitCode::Configuration];
        assert_eq!(codes.map(|code| code as u8), [0, 1, 3, 5, 78]);
    }
}
