use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const SMALL: usize = 128 * KIB;

fn segments(limit_bytes: usize) -> (Arc<SegmentBudget>, Segments) {
    let budget = SegmentBudget::new(limit_bytes);
    (Arc::clone(&budget), Segments::new(budget))
}

fn create(bytes: usize) -> Segment {
    Segment::create(1, bytes, &SegmentBudget::new(usize::MAX)).expect("there is memory")
}

/// As the worker has it: by a descriptor of its own.
fn mapped(segment: &Segment) -> Arc<MappedSegment> {
    let fd = segment.as_fd().try_clone_to_owned();
    MappedSegment::new(fd.expect("there are descriptors"), segment.id()).expect("it is sealed")
}

fn returns() -> Arc<ReturnedSegments> {
    Arc::default()
}

#[test]
fn sizes_are_few() {
    let check = |bytes, size| assert_eq!(size_for(bytes), size, "{bytes}");
    check(0, SMALL);
    check(SMALL, SMALL);
    check(SMALL + 1, 2 * SMALL);
    check(MIB, MIB);
    check(MIB + 1, 2 * MIB);
    check(5 * MIB - 1, 5 * MIB);
    check(usize::MAX, usize::MAX);
}

#[test]
fn what_the_server_writes_the_worker_reads_in_place() {
    let segment = create(SMALL);
    assert!(segment.write_at(0, b"the request's "));
    assert!(segment.write_at(14, b"body"));
    let returns = returns();
    let held = SharedBody::new(mapped(&segment), 18, Arc::clone(&returns)).unwrap();
    let body = Bytes::from_owner(held);
    assert_eq!(body, "the request's body");
    let piece = body.slice(4..11);
    drop(body);
    assert_eq!(
        returns.take_all(),
        [0_u32; 0],
        "a piece of it is still used"
    );
    drop(piece);
    assert_eq!(returns.take_all(), [1]);
    assert_eq!(returns.take_all(), [0_u32; 0]);
}

#[test]
fn what_the_worker_writes_the_server_sends_in_place() {
    let (_, segments) = segments(MIB);
    let (segment, _) = segments.take(1).unwrap();
    assert!(mapped(&segment).write(SMALL - 6, b"answer"));
    let part = SharedRange::of(&segment, SMALL as u64 - 6, 6).unwrap();
    assert_eq!(Bytes::from_owner(part), "answer");
    assert_eq!(segment.copy_out(SMALL - 6, 6).unwrap(), b"answer");
}

#[test]
fn a_segment_keeps_its_size() {
    let segment = create(SMALL);
    let shrink = rustix::fs::ftruncate(segment.as_fd(), 1);
    let grow = rustix::fs::ftruncate(segment.as_fd(), MIB as u64);
    let reseal = rustix::fs::fcntl_add_seals(segment.as_fd(), SealFlags::WRITE);
    assert_eq!(
        (shrink, grow, reseal),
        (Err(Errno::PERM), Err(Errno::PERM), Err(Errno::PERM))
    );
}

#[test]
fn holes_are_zeros_and_no_signal() {
    let segment = create(SMALL);
    assert!(segment.write_at(0, b"full"));
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(segment.as_fd(), hole, 0, SMALL as u64).unwrap();
    assert_eq!(segment.copy_out(0, SMALL).unwrap(), vec![0; SMALL]);
}

#[test]
fn the_worker_refuses_what_could_be_shrunk() {
    let fd = memory_file().unwrap();
    rustix::fs::ftruncate(&fd, SMALL as u64).unwrap();
    let refused = MappedSegment::new(fd, 1).err().unwrap();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    let (read, _write) = rustix::pipe::pipe().unwrap();
    assert!(MappedSegment::new(read, 1).is_err());
}

#[test]
fn the_budget_is_refused_and_given_back() {
    let (budget, segments) = segments(3 * SMALL);
    let (first, _) = segments.take(SMALL).unwrap();
    let (second, _) = segments.take(SMALL + 1).unwrap();
    assert_eq!((budget.taken(), segments.bytes()), (3 * SMALL, 3 * SMALL));
    assert!(matches!(segments.take(1), Err(SegmentError::Budget)));
    assert!(matches!(
        segments.take(usize::MAX),
        Err(SegmentError::Budget)
    ));

    assert!(segments.returned(second.id()));
    drop(second);
    segments.trim(0);
    assert_eq!(budget.taken(), SMALL);
    drop(segments);
    assert_eq!(budget.taken(), SMALL, "it is still in use");
    drop(first);
    assert_eq!(budget.taken(), 0);
}

#[test]
fn what_the_system_refuses_takes_nothing() {
    let budget = SegmentBudget::new(usize::MAX);
    let lack = Segment::create(1, usize::MAX, &budget).err().unwrap();
    assert!(matches!(lack, SegmentError::System(_)), "{lack}");
    assert_eq!(budget.taken(), 0);
}

#[test]
fn a_part_keeps_its_segment_from_others() {
    let (_, segments) = segments(MIB);
    let (segment, _) = segments.take(SMALL).unwrap();
    let part = SharedRange::of(&segment, 0, 10).unwrap();
    assert!(segments.returned(segment.id()));
    assert!(!segment.is_free());
    assert!(!segment.write_at(0, b"x"), "not under a reader");
    assert_ne!(segments.take(SMALL).unwrap().0.id(), segment.id());
    assert_eq!(segments.trim(0), [0_u32; 0]);
    drop(part);
    assert!(segment.is_free());
    assert_eq!(segments.take(SMALL).unwrap().0.id(), segment.id());
}

#[test]
fn parts_out_of_range_are_refused() {
    let (_, segments) = segments(MIB);
    let (segment, _) = segments.take(SMALL).unwrap();
    let size = segment.size() as u64;
    let check = |offset, len, sound| {
        let part = SharedRange::of(&segment, offset, len);
        assert_eq!(part.is_some(), sound, "{offset} {len}");
        if let Some(part) = part {
            assert_eq!(part.as_ref().len() as u64, len);
        }
    };
    check(0, size, true);
    check(size, 0, true);
    check(size - 1, 1, true);
    check(size, 1, false);
    check(0, size + 1, false);
    check(size + 1, 0, false);
    check(u64::MAX, 1, false);
    check(1, u64::MAX, false);
    check(u64::MAX, u64::MAX, false);
    check(u64::MAX, 0, false);
    assert!(segments.returned(segment.id()));
    check(0, 1, false);
}

#[test]
fn a_segment_is_taken_again_with_its_descriptor_known() {
    let (_, segments) = segments(64 * MIB);
    let (large, _) = segments.take(16 * MIB).unwrap();
    let (first, is_new) = segments.take(SMALL).unwrap();
    assert!(is_new);
    assert!(segments.returned(first.id()));
    let (again, is_new) = segments.take(SMALL).unwrap();
    assert_eq!(again.id(), first.id());
    assert!(is_new, "the call was never sent");
    again.mark_sent();
    assert!(segments.returned(again.id()) && segments.returned(large.id()));

    let (again, is_new) = segments.take(1).unwrap();
    assert_eq!((again.id(), is_new), (first.id(), false));
    let (other, is_new) = segments.take(1).unwrap();
    assert_ne!(other.id(), large.id(), "far too large");
    assert!(is_new);
}

#[test]
fn the_smallest_that_fits_is_taken_and_a_large_one_before_none() {
    let (_, segments) = segments(9 * SMALL);
    let sizes = [4 * SMALL, SMALL, 2 * SMALL];
    let ids = sizes.map(|size| segments.take(size).unwrap().0.id());
    assert!(ids.iter().all(|id| segments.returned(*id)));
    let taken = |bytes| segments.take(bytes).unwrap().0.size();
    assert_eq!(taken(SMALL + 1), 2 * SMALL);
    assert_eq!(taken(2 * SMALL), 4 * SMALL);

    let (_, segments) = self::segments(8 * SMALL);
    let (large, _) = segments.take(8 * SMALL).unwrap();
    assert!(segments.returned(large.id()));
    assert_eq!(segments.take(1).unwrap().0.id(), large.id());
}

#[test]
fn trimming_drops_the_largest_that_are_free() {
    let (_, segments) = segments(64 * MIB);
    let sizes = [SMALL, 4 * MIB, 2 * MIB, MIB];
    let taken = sizes.map(|size| segments.take(size).unwrap().0);
    taken.iter().for_each(|segment| segment.mark_sent());
    let ids = taken.map(|segment| segment.id());
    assert_eq!(segments.trim(0), [0_u32; 0], "all are held");
    for id in [ids[0], ids[2], ids[3]] {
        assert!(segments.returned(id));
    }
    assert_eq!(segments.trim(usize::MAX), [0_u32; 0]);
    assert_eq!(segments.trim(MIB + SMALL), [ids[2]]);
    assert_eq!(segments.bytes(), 5 * MIB + SMALL);
    assert_eq!(segments.trim(0), [ids[3], ids[0]]);
    assert!(segments.get(ids[0]).is_none() && segments.get(ids[1]).is_some());
}

#[test]
fn the_worker_need_not_unmap_what_it_never_had() {
    let (_, segments) = segments(MIB);
    let (segment, _) = segments.take(1).unwrap();
    assert!(segments.returned(segment.id()));
    assert_eq!(segments.trim(0), [0_u32; 0]);
    assert_eq!(segments.bytes(), 0);
}

#[test]
fn returning_what_is_not_held_is_a_lie() {
    let (_, segments) = segments(MIB);
    let (segment, _) = segments.take(1).unwrap();
    assert!(!segments.returned(segment.id() + 1));
    assert!(segments.returned(segment.id()));
    assert!(!segments.returned(segment.id()));
}

#[test]
fn a_body_that_outgrows_its_segment_moves() {
    let (small, large) = (create(SMALL), create(MIB));
    assert!(small.write_at(0, &vec![7; SMALL]));
    assert!(large.copy_from(&small, SMALL));
    assert!(large.write_at(SMALL, b"more"));
    let copy = large.copy_out(SMALL - 1, 5).unwrap();
    assert_eq!(copy, b"\x07more");
    assert!(!small.copy_from(&large, SMALL + 1), "it does not fit");
    assert!(!large.copy_from(&small, SMALL + 1), "it has no more");
    assert!(large.copy_from(&large, MIB));
}

#[test]
fn an_answer_that_is_a_piece_of_its_request_is_found_there() {
    let segment = create(SMALL);
    assert!(segment.write_at(0, b"the request"));
    let mapped = mapped(&segment);
    assert_eq!((mapped.id(), mapped.size()), (segment.id(), SMALL));
    let held = SharedBody::new(Arc::clone(&mapped), 11, returns()).unwrap();
    let body = Bytes::from_owner(held);
    assert_eq!(mapped.offset_of(&body), Some(0));
    assert_eq!(mapped.offset_of(&body[4..]), Some(4));
    assert_eq!(mapped.offset_of(&body[11..]), None);
    assert_eq!(mapped.offset_of(b"elsewhere"), None);
    assert!(!mapped.write(0, b"x"), "not under a reader");
}

#[test]
fn a_request_longer_than_its_segment_is_refused() {
    let mapped = mapped(&create(SMALL));
    assert!(SharedBody::new(Arc::clone(&mapped), SMALL + 1, returns()).is_none());
    assert!(SharedBody::new(Arc::clone(&mapped), usize::MAX, returns()).is_none());
    assert!(SharedBody::new(mapped, SMALL, returns()).is_some());
}

#[derive(Clone, Debug)]
enum Step {
    Take(usize),
    Return(usize),
    Read(usize),
    EndRead(usize),
    Trim(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3 * MIB).prop_map(Step::Take),
        2 => any::<usize>().prop_map(Step::Return),
        2 => any::<usize>().prop_map(Step::Read),
        1 => any::<usize>().prop_map(Step::EndRead),
        1 => (0..2 * MIB).prop_map(Step::Trim),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is taken, returned, read and trimmed in any order: no segment is taken
    /// that is in use, and the budget is exact.
    #[test]
    fn no_segment_has_two_users(steps in proptest::collection::vec(step(), 1..60)) {
        let (budget, segments) = segments(8 * MIB);
        let (mut held, mut parts): (Vec<Arc<Segment>>, Vec<SharedRange>) = Default::default();
        for step in steps {
            match step {
                Step::Take(bytes) => if let Ok((segment, _)) = segments.take(bytes) {
                    prop_assert!(segment.size() >= bytes);
                    prop_assert!(held.iter().all(|other| other.id() != segment.id()));
                    prop_assert!(parts.iter().all(|part| part.segment.id() != segment.id()));
                    held.push(segment);
                },
                Step::Return(at) if !held.is_empty() => {
                    let segment = held.swap_remove(at % held.len());
                    prop_assert!(segments.returned(segment.id()));
                }
                Step::Read(at) if !held.is_empty() => {
                    let part = SharedRange::of(&held[at % held.len()], 0, 1);
                    parts.push(part.unwrap());
                }
                Step::EndRead(at) if !parts.is_empty() => drop(parts.swap_remove(at % parts.len())),
                Step::Trim(keep) => {
                    segments.trim(keep);
                    let used = |segment: &&Arc<Segment>| !segment.is_free();
                    let owned = segments.lock();
                    let used: usize = owned.list.iter().filter(used).map(|s| s.size()).sum();
                    let all: usize = owned.list.iter().map(|s| s.size()).sum();
                    prop_assert!(all - used <= keep);
                }
                _ => {}
            }
            prop_assert_eq!(budget.taken(), segments.bytes());
            prop_assert!(budget.taken() <= 8 * MIB);
        }
        drop((held, parts, segments));
        prop_assert_eq!(budget.taken(), 0);
    }
}
