use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rand::{RngExt as _, rngs::StdRng};
use tokio::time::{Instant, sleep};

/// A file system of its own, in memory, that can be full.
///
/// Mounting it takes a mount namespace in which that is allowed. Dropping it unmounts it.
#[derive(Debug)]
pub struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many MiB at a directory.
    pub fn mount(at: &Path, mebibytes: u32) -> io::Result<Self> {
        fs::create_dir_all(at)?;
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
            .arg(at))?;
        Ok(Self { at: at.to_owned() })
    }

    /// Leaves no room for a while.
    pub async fn fill(&self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        let mut ballast = File::create(self.ballast())?;
        while Instant::now() < until {
            // What the collector frees meanwhile is taken too.
            fill_up(&mut ballast)?;
            sleep(Duration::from_millis(10)).await;
        }
        self.free()
    }

    /// Makes room again, if there is none.
    pub fn free(&self) -> io::Result<()> {
        match fs::remove_file(self.ballast()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn ballast(&self) -> PathBuf {
        self.at.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(error) = run(Command::new("umount").arg("--lazy").arg(&self.at)) {
            eprintln!("could not unmount {}: {error}", self.at.display());
        }
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// Writes until there is no room for a single byte.
fn fill_up(file: &mut File) -> io::Result<()> {
    let block = vec![0; 1 << 18];
    let mut size = block.len();
    while size > 0 {
        match file.write(&block[..size]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => size /= 2,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A file is chosen by its weight, which is its bytes and this.
const LEAST_WEIGHT: u64 = 8 << 10;

/// What was done to a file that a collector keeps.
#[derive(Clone, Debug)]
pub struct Damage {
    file: PathBuf,
    kind: DamageKind,
}

#[derive(Clone, Copy, Debug)]
enum DamageKind {
    /// The end is gone.
    Cut { at: u64, length: u64 },
    /// A bit is another.
    Flipped { at: u64, length: u64 },
}

impl Damage {
    /// Damages one of the files below a directory; nothing if there is none to damage.
    pub fn inflict(directory: &Path, chance: &mut StdRng) -> io::Result<Option<Self>> {
        let mut files = Vec::new();
        files_below(directory, &mut files)?;
        files.sort();
        if files.is_empty() {
            return Ok(None);
        }
        // As likely as their sizes, with something for the smallest.
        let weight = |length: u64| length + LEAST_WEIGHT;
        let mut drawn = chance.random_range(0..files.iter().map(|(_, length)| weight(*length)).sum());
        let mut chosen = 0;
        while drawn >= weight(files[chosen].1) {
            drawn -= weight(files[chosen].1);
            chosen += 1;
        }
        let (path, length) = files.swap_remove(chosen);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let at = chance.random_range(0..length);
        let kind = if chance.random_bool(0.5) {
            file.set_len(at)?;
            DamageKind::Cut { at, length }
        } else {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at)?;
            byte[0] ^= 1 << chance.random_range(0..8);
            file.write_all_at(&byte, at)?;
            DamageKind::Flipped { at, length }
        };
        Ok(Some(Self { file: path, kind }))
    }

    /// The bytes that are gone or wrong.
    pub const fn bytes(&self) -> u64 {
        match self.kind {
            DamageKind::Cut { at, length } => length - at,
            DamageKind::Flipped { .. } => 1,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.kind {
            DamageKind::Cut { at, length } => write!(f, "{file} of {length} bytes cut at {at}"),
            DamageKind::Flipped { at, length } => {
                write!(f, "{file} of {length} bytes has another bit at {at}")
            }
        }
    }
}

/// The files that have something in them, with their lengths.
fn files_below(directory: &Path, files: &mut Vec<(PathBuf, u64)>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            files_below(&entry.path(), files)?;
        } else if metadata.len() > 0 {
            files.push((entry.path(), metadata.len()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn damage_changes_one_file_by_what_it_says() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        for seed in 0..20 {
            fs::write(&path, [0; 100]).unwrap();
            let mut chance = StdRng::seed_from_u64(seed);
            let damage = Damage::inflict(directory.path(), &mut chance).unwrap().unwrap();
            let after = fs::read(&path).unwrap();
            let wrong = 100 - after.len() + after.iter().filter(|&&byte| byte != 0).count();
            assert_eq!(wrong as u64, damage.bytes(), "{damage}");
        }
    }

    #[test]
    fn an_empty_directory_has_nothing_to_damage() {
        let directory = tempfile::tempdir().unwrap();
        let mut chance = StdRng::seed_from_u64(1);
        assert!(Damage::inflict(directory.path(), &mut chance).unwrap().is_none());
    }
}
