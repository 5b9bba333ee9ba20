//! The Debian package: its control files, and `dpkg-deb` around everything. The scripts that run on the operator's machine
//! stand in `packaging/debian`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::build::Binaries;
use super::contents::{self, File, What};
use super::{Release, answer, depends, done};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// What a machine must have besides libraries: the authorities that providers' certificates come from, and what makes the
/// service's user.
const ALSO: &str = "ca-certificates, systemd | systemd-standalone-sysusers | systemd-sysusers";

const DESCRIPTION: &str = "login server whose identity providers are plugins
 Vestibule signs people in with a browser, through GitHub, GitLab or any issuer
 of OpenID Connect, and tells applications behind a reverse proxy who they are.
 It is one program with an SQLite file, or with PostgreSQL.
 .
 Each kind of identity provider is a plugin, a shared library that runs locked
 in and holds none of the operator's secrets.
";

pub(super) fn write(
    workspace: &Workspace,
    release: &Release,
    files: &[File],
    binaries: &Binaries,
    out: &Path,
) -> Result<PathBuf> {
    let name = format!("vestibule_{}_{}", release.version, release.architecture);
    let stage = out.join(format!("{name}.stage"));
    clear(&stage)?;
    contents::write(files, &stage, release.time)?;
    let control = stage.join("DEBIAN");
    fs::create_dir(&control).map_err(Error::file("make the folder", &control))?;
    contents::set_mode(&control, 0o755)?;
    let control_file = |name: &str, mode, content: &[u8]| {
        let path = control.join(name);
        fs::write(&path, content).map_err(Error::file("write", &path))?;
        contents::set_mode(&path, mode)?;
        contents::set_time(&path, release.time)
    };
    control_file("control", 0o644, control_text(release, files, binaries, &stage)?.as_bytes())?;
    control_file("conffiles", 0o644, format!("/{}\n", contents::CONFIGURATION).as_bytes())?;
    control_file("md5sums", 0o644, sums(files, &stage)?.as_bytes())?;
    for script in ["postinst", "prerm", "postrm"] {
        let path = workspace.root.join("packaging/debian").join(script);
        let text = fs::read(&path).map_err(Error::file("read", &path))?;
        control_file(script, 0o755, &text)?;
    }
    contents::set_time(&control, release.time)?;
    contents::set_time(&stage, release.time)?;

    let deb = out.join(format!("{name}.deb"));
    let mut command = Command::new("dpkg-deb");
    command.env("SOURCE_DATE_EPOCH", release.time.to_string()).arg("--root-owner-group");
    // In one thread, since several cut the stream where they please.
    command.args(if release.is_local { &["-Znone"][..] } else { &["-Zxz", "-z9", "--threads-max=1"][..] });
    done(command.arg("--build").arg(&stage).arg(&deb))?;
    clear(&stage)?;
    Ok(deb)
}

fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(Error::file("remove", folder))?;
    }
    Ok(())
}

/// `control`, as deb-control(5) has it.
fn control_text(release: &Release, files: &[File], binaries: &Binaries, stage: &Path) -> Result<String> {
    let mut bytes = 0;
    for file in files.iter().filter(|file| !matches!(file.what, What::Folder)) {
        let path = stage.join(&file.path);
        bytes += fs::metadata(&path).map_err(Error::file("read", &path))?.len();
    }
    let fields = [
        ("Package", "vestibule".to_owned()),
        ("Version", release.version.clone()),
        ("Architecture", release.architecture.to_owned()),
        ("Maintainer", maintainer()),
        ("Installed-Size", bytes.div_ceil(1024).to_string()),
        ("Depends", format!("{}, {ALSO}", depends::of(binaries.all())?)),
        ("Suggests", "postgresql, nginx | caddy".to_owned()),
        ("Section", "admin".to_owned()),
        ("Priority", "optional".to_owned()),
    ];
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    Ok(format!("{fields}Description: {DESCRIPTION}"))
}

/// Who made this package, by the variables of Debian's own tools (devscripts).
fn maintainer() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let name = variable("DEBFULLNAME").unwrap_or_else(|| "Vestibule".to_owned());
    let address = variable("DEBEMAIL").unwrap_or_else(|| "packages@vestibule.invalid".to_owned());
    format!("{name} <{address}>")
}

/// `md5sums`: against damage, as `dpkg --verify` looks for it, and not against anybody.
fn sums(files: &[File], stage: &Path) -> Result<String> {
    let files = files.iter().filter(|file| !matches!(file.what, What::Folder));
    let files = files.filter(|file| file.path != contents::CONFIGURATION).map(|file| &file.path);
    answer(Command::new("md5sum").current_dir(stage).args(files))
}
