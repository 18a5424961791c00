//! A program under measurement: started, looked at and killed, with everything that it started.

use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command as Kill, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};

/// Linux reports processor time in these, whatever the kernel's own clock is.
const TICKS_A_SECOND: f64 = 100.0;
const KIB_A_MIB: f64 = 1024.0;
const LINES_SHOWN: usize = 20;

/// A running program in a process group of its own; dropping it kills the group, and so does our own end.
pub(crate) struct Process {
    child: Child,
    pid: u32,
    log: PathBuf,
    /// When it was spawned.
    pub(crate) started: Instant,
}

/// What a program has used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Largest resident memory so far, in MiB.
    pub(crate) rss_mib: f64,
    /// Processor time in user and kernel, in seconds.
    pub(crate) cpu_s: f64,
}

impl Process {
    /// Starts `program` in `directory`; what it says goes to a file there.
    ///
    /// The kernel ends it with the *thread* that spawned it: call this from the main task.
    pub(crate) fn spawn(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        directory: &Path,
        log: PathBuf,
    ) -> Result<Self> {
        let output = File::create(&log)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(arguments);
        command.envs(environment.iter().copied()).current_dir(directory).stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output).process_group(0);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("start {}", program.display()))?;
        let pid = child.id().context("the program has no process id")?;
        Ok(Self { child, pid, log, started })
    }

    /// Fails with the last lines that the program wrote if it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it ended by itself ({:?}): {}", status.into_raw(), self.last_lines()),
        }
    }

    /// The last lines that the program wrote.
    pub(crate) fn last_lines(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let skipped = text.lines().count().saturating_sub(LINES_SHOWN);
        text.lines().skip(skipped).collect::<Vec<_>>().join("\n")
    }

    /// What the program has used so far, without its children.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let peak: f64 = peak.trim().trim_end_matches("kB").trim().parse()?;
        Ok(Usage { rss_mib: peak / KIB_A_MIB, cpu_s: cpu_s(&self.pid.to_string())? })
    }

    /// Kills the program and what it started.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.kill();
        self.child.wait().await?;
        Ok(())
    }

    fn kill(&self) {
        // Fails only when the group has already gone.
        let _ = Kill::new("kill").args(["-s", "KILL", "--", &format!("-{}", self.pid)]).status();
    }
}

/// Processor time in user and kernel of a process of `/proc`, in seconds.
pub(crate) fn cpu_s(process: &str) -> Result<f64> {
    // utime and stime are the 14th and 15th field.
    ticks(process, 2)
}

/// The same, and that of its children that have ended and were waited for.
pub(crate) fn cpu_s_with_ended_children(process: &str) -> Result<f64> {
    ticks(process, 4)
}

/// Id of the process that started one of `/proc`.
pub(crate) fn parent(process: &str) -> Result<String> {
    Ok(stat(process)?.split_whitespace().nth(1).context("no parent in stat")?.to_owned())
}

fn ticks(process: &str, fields: usize) -> Result<f64> {
    let stat = stat(process)?;
    let ticks = stat.split_whitespace().skip(11).take(fields).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_A_SECOND)
}

/// The fields from the third one on; the name in parentheses before them may hold spaces.
fn stat(process: &str) -> Result<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    Ok(fields.to_owned())
}

impl Drop for Process {
    fn drop(&mut self) {
        // A child that has been waited for has no id, and its number may be another's by now.
        if self.child.id().is_some() {
            self.kill();
        }
    }
}
