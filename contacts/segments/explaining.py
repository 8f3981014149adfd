"""A filter tree in words, for somebody who has never seen one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from contacts.segments.tree import Filter, Group, Logic, Tree
from contacts.segments.vocabulary import Relation

#: The name, by field, of what a filter is about.
Names = Mapping[str, str]


def sentence(project_id: UUID, tree: Tree) -> str:
    """Say whom a tree means: “Contacts who are subscribed and whose “plan” is “pro”.”.

    Things that are not in the project any more are told by their ids.
    """
    return sentences(project_id, [tree])[0]


def sentences(project_id: UUID, trees: Sequence[Tree]) -> list[str]:
    """Say whom each tree means; a constant number of statements for all of them."""
    filters = [filter_ for tree in trees for filter_ in tree.filters()]
    names = names_of(project_id, filters)
    return [f"Contacts {_of_tree(tree, names, 0)[0]}." for tree in trees]


def names_of(project_id: UUID, filters: Sequence[Filter]) -> Names:
    """Return what people call the things that filters name, by field."""
    wanted: dict[Relation, set[str]] = {}
    for filter_ in filters:
        wanted.setdefault(filter_.relation, set()).add(filter_.rest)
    return {
        relation.name + rest: name
        for relation, rests in wanted.items()
        for rest, name in relation.names(project_id, rests).items()
    }


def phrase(filter_: Filter, names: Names) -> str:
    """Say whom one filter means: a clause that begins with “who” or “whose”."""
    name = names.get(filter_.field, filter_.rest)
    return filter_.relation.phrase(filter_, name)


def _of_tree(tree: Tree, names: Names, depth: int) -> tuple[str, bool]:
    """Return the words of a tree, and whether they are more than one clause."""
    parts = [_of_group(group, names, depth) for group in tree.groups]
    if len(parts) == 1:
        return parts[0]
    word = "and" if tree.logic is Logic.AND else "or"
    return _listed(parts, word, depth), True


def _of_group(group: Group, names: Names, depth: int) -> tuple[str, bool]:
    parts = [(phrase(filter_, names), False) for filter_ in group.filters]
    if group.conditions:
        parts.append(_of_tree(group.conditions, names, depth + 1))
    if len(parts) == 1:
        return parts[0]
    return _listed(parts, "and", depth + 1), True


def _listed(parts: Sequence[tuple[str, bool]], word: str, depth: int) -> str:
    """Join clauses; lists within a list get a comma, and brackets where they nest."""
    is_nested = any(is_list for _, is_list in parts)
    texts = [
        f"({text})" if is_list and depth else text  # the outermost has commas for it
        for text, is_list in parts
    ]
    if is_nested and not depth:
        return f", {word} ".join(texts)
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}"
