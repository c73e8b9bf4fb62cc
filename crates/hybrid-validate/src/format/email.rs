//! Email addresses by the rule of the HTML standard, which browsers apply too, with the limits of RFC 5321.
//!
//! Quoted local parts and address literals (`"a b"@[192.0.2.1]`) are refused, as in HTML. The check does not tell
//! whether the mailbox exists.

/// RFC 5321, 4.5.3.1: a path has 256 bytes, two of them `<` and `>`.
const LENGTH_MAX: usize = 254;
const LOCAL_LENGTH_MAX: usize = 64;
const LABEL_LENGTH_MAX: usize = 63;

pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    text.len() <= LENGTH_MAX && is_local(local) && domain.split('.').all(is_label)
}

/// HTML allows dots anywhere here. RFC 5321 and mail servers allow them only between atoms.
fn is_local(local: &str) -> bool {
    local.len() <= LOCAL_LENGTH_MAX
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte))
}

fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_LENGTH_MAX).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}
