"""Left navigation of the admin: what is declared once, and what one person gets to see of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.apps import apps
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class Entry:
    """One line of the navigation: the list of a `model` ("app.model"), or the page `url_name`.

    `permission` guards a page; a model is guarded by its own ModelAdmin. `key` is the second
    letter of the "g then …" shortcut, `icon` a symbol of `icons.svg`.
    """

    label: str
    icon: str
    model: str = ""
    url_name: str = ""
    permission: str = ""
    key: str = ""


@dataclass(frozen=True)
class Group:
    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Link:
    """An entry that exists and that this person may open."""

    label: str
    url: str
    icon: str
    key: str
    current: bool


@dataclass(frozen=True)
class Section:
    label: str
    links: tuple[Link, ...]


def sections(
    *, site: AdminSite, request: HttpRequest, groups: Iterable[Group]
) -> tuple[Section, ...]:
    """The groups with the links that the request's user may follow; empty groups are left out."""
    found = [
        (group, [(entry, _url(site, request, entry)) for entry in group.entries])
        for group in groups
    ]
    current = _current(request.path, [url for _, pairs in found for _, url in pairs])
    made = (
        Section(
            group.label,
            tuple(
                Link(entry.label, url, entry.icon, entry.key, current=url == current)
                for entry, url in pairs
                if url
            ),
        )
        for group, pairs in found
    )
    return tuple(section for section in made if section.links)


def _url(site: AdminSite, request: HttpRequest, entry: Entry) -> str:
    """The entry's address, or "" when it does not exist (yet) or is not for this person."""
    if entry.model:
        return _model_url(site, request, entry.model)
    if entry.permission and not request.user.has_perm(entry.permission):
        return ""
    return _reverse(site, entry.url_name)


def _model_url(site: AdminSite, request: HttpRequest, label: str) -> str:
    try:
        model = apps.get_model(label)
    except LookupError:
        return ""
    model_admin = site._registry.get(model)
    if model_admin is None or not model_admin.has_view_permission(request):
        return ""
    return _reverse(site, f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _reverse(site: AdminSite, name: str) -> str:
    try:
        return reverse(name, current_app=site.name)
    except NoReverseMatch:
        return ""


def _current(path: str, urls: list[str]) -> str:
    """The longest address that the path lies under; the home page only counts when it is exact."""
    home = min(filter(None, urls), key=len, default="")
    under = [url for url in urls if url and path.startswith(url) and (url != home or path == home)]
    return max(under, key=len, default="")
