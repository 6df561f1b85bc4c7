"""GPUs put into the groups that series are asked for: the whole fleet, hosts, models, values of a label, or GPUs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gpufleet_collector.store.plan import GroupBy
from gpufleet_collector.store.scope import Scope, Stay

PLACED: tuple[GroupBy, ...] = ("host", "label")
"""Groups that a GPU belongs to for as long as it is in a place."""

Described = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Groups:
    """`keys` in order, and what each group is called; `numbers` (from 1) of the groups of `stays`, None for a parent
    that only keeps its MIG instances out. `parents` are numbers of GPUs, where the parent is among those asked for."""

    keys: Sequence[str]
    described: Sequence[Described]
    stays: Sequence[Stay]
    numbers: Sequence[int | None]
    parents: Sequence[int | None]

    @property
    def instances(self) -> bool:
        return any(parent is not None for parent in self.parents)

    @property
    def gpus(self) -> int:
        return len({stay.gpu_id for stay in self.stays})

    def page(self, after: str | None, most: int) -> "Groups":
        """At most so many groups, those after a key."""
        kept = [at for at, key in enumerate(self.keys) if after is None or key > after][:most]
        renumbered = {at + 1: number for number, at in enumerate(kept, 1)}
        members = [at for at, number in enumerate(self.numbers) if number in renumbered]
        wanted = {parent for at in members if (parent := self.parents[at]) is not None}
        chosen = set(members)
        members += [at for at, stay in enumerate(self.stays) if stay.gpu_id in wanted and at not in chosen]
        members.sort()
        return Groups(
            [self.keys[at] for at in kept],
            [self.described[at] for at in kept],
            [self.stays[at] for at in members],
            [renumbered.get(number) if (number := self.numbers[at]) is not None else None for at in members],
            [self.parents[at] for at in members],
        )


def make_groups(scope: Scope, group_by: GroupBy, label: str | None, *, placed: bool, span: tuple[int, int]) -> Groups:
    """`placed`: it matters where GPUs were. Where it does not, each GPU is asked for once and
    over the whole span."""
    places = scope if placed else scope.whole(*span)
    members = list(_members(places.stays, group_by))
    keys = sorted({key for _, key in members})
    position = {key: at for at, key in enumerate(keys, 1)}
    last = {key: stay for stay, key in members}
    by_uuid = {stay.gpu_uuid: stay.gpu_id for stay, _ in members}
    return Groups(
        keys,
        [_describe(group_by, label, key, last[key]) for key in keys],
        [stay for stay, _ in members],
        [position[key] for _, key in members],
        [None if group_by == "gpu" else by_uuid.get(stay.parent_uuid or "") for stay, _ in members],
    )


def _members(stays: Sequence[Stay], group_by: GroupBy) -> Iterator[tuple[Stay, str]]:
    for stay in stays:
        key = {
            "fleet": "",
            "host": stay.host,
            "model": stay.gpu_name or "",
            "label": stay.label,
            "gpu": stay.gpu_uuid,
        }[group_by]
        if key is not None:
            yield stay, key


def _describe(group_by: GroupBy, label: str | None, key: str, stay: Stay) -> Described:
    """What `group` is in an answer."""
    if group_by == "gpu":
        return {"gpu_uuid": key, "host": stay.host, "gpu_index": stay.gpu_index, "gpu_name": stay.gpu_name}
    return describe_value(group_by, label, key)


def describe_value(group_by: GroupBy, label: str | None, value: str) -> Described:
    """`group` of a group that has a key alone."""
    if group_by == "fleet":
        return {}
    if group_by == "label":
        return {"label": label, "value": value}
    return {"host": value} if group_by == "host" else {"model": value}
