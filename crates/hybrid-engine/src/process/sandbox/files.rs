//! No file is written, made, removed or renamed, by landlock, as far as this kernel's
//! knows how.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, LandlockStatus, RestrictSelfAttr as _,
    RestrictionStatus, Ruleset, RulesetAttr as _, RulesetError, RulesetStatus, Scope,
};

const ABSENT: &str = "landlock is not in this kernel (Linux 5.13) or not enabled (`lsm=`): \
                      workers may write files";
const NO_TRUNCATION: &str = "landlock of this kernel knows no truncation (Linux 6.2): workers \
                             may empty files by opening them";
const NO_DEVICES: &str = "landlock of this kernel knows no devices (Linux 6.10): workers may \
                          command devices that they may read";

/// Confines this thread and those that it starts, and where the kernel can, all
/// others; returns what could not be applied.
pub(super) fn restrict() -> Vec<String> {
    match restrict_self() {
        Ok(status) => lacks(&status),
        Err(error) => vec![format!(
            "landlock could not be applied ({error}): workers may write files"
        )],
    }
}

/// All that this version handles is refused everywhere, as far as the kernel
/// knows it; what it does not handle, such as reading, is left alone.
fn restrict_self() -> Result<RestrictionStatus, RulesetError> {
    const NEWEST: ABI = ABI::V6;
    Ruleset::default()
        .handle_access(AccessFs::from_write(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .all_threads(true)?
        .restrict_self()
}

/// What landlock of this kernel leaves open, and seccomp does not close.
fn lacks(status: &RestrictionStatus) -> Vec<String> {
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. }
            if status.ruleset != RulesetStatus::NotEnforced =>
        {
            effective_abi
        }
        _ => {
            return vec![ABSENT.to_owned()];
        }
    };
    let mut lacks = Vec::new();
    if abi < ABI::V3 {
        lacks.push(NO_TRUNCATION.to_owned());
    }
    if abi < ABI::V5 {
        lacks.push(NO_DEVICES.to_owned());
    }
    if let (false, Some(others @ 1..)) = (status.all_threads, other_threads()) {
        lacks.push(format!(
            "landlock of this kernel confines no thread that runs already (Linux 7.0): \
             {others} that `main` started may write files"
        ));
    }
    lacks
}

/// How many threads run beside this one, where that can be told.
fn other_threads() -> Option<usize> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?.count();
    threads.checked_sub(1)
}
