"""The price list: rows to read, and a form for the next price."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString

from apps.core.admin import PlatformAdmin, short_time
from apps.core.admin.cells import NOTHING
from apps.core.forms import USDFormField
from apps.core.money import exact_usd
from apps.registry.admin.cells import change_of, per_million, step, validity, what_if_of
from apps.registry.models import Price
from apps.registry.pricing import MILLION, shortest
from apps.registry.services import PriceRefused, check_price, set_price
from apps.registry.tiers import DEFAULT_TIER

_KIND = ("usage_class", "service_tier", "min_input_tokens")


class NewPriceForm(forms.ModelForm[Price]):
    """The next price of a usage class. The one before ends when it begins."""

    usd_per_million = USDFormField(
        label="USD a million",
        help_text="Tokens, as the provider publishes it, e.g. 0.15. Requests and searches too: "
        "10 dollars a thousand are 10000.",
    )
    begins_at = forms.SplitDateTimeField(
        required=False,
        widget=AdminSplitDateTime,
        help_text="Empty: now. Only the first price of a usage class in its tier may begin in the "
        "past.",
    )

    class Meta:
        model = Price
        fields = ("deployment", "usage_class", "service_tier", "min_input_tokens", "source")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & {"service_tier", "min_input_tokens"}:
            self.fields[name].required = False  # left empty: the usual ones

    def clean_service_tier(self) -> str:
        word: str = self.cleaned_data["service_tier"]
        return word or DEFAULT_TIER

    def clean_min_input_tokens(self) -> int:
        tokens: int | None = self.cleaned_data["min_input_tokens"]
        return tokens or 0

    def clean_usd_per_million(self) -> int:
        amount: int = self.cleaned_data["usd_per_million"]
        if amount < 0:
            raise ValidationError("A price is not negative.")
        if amount % MILLION:
            raise ValidationError(
                f"{exact_usd(amount)} a million is no whole number of pico-dollars a token; "
                "six decimals are possible."
            )
        return amount // MILLION

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            try:
                check_price(**self.price(), now=timezone.now())
            except PriceRefused as error:
                raise ValidationError(str(error)) from error
        return values

    def as_text(self) -> str:
        """As the what-if page takes it."""
        values = self.price()
        usd = shortest(values["price_pico"] * MILLION)
        kind = [values[name] for name in ("deployment", *_KIND)]
        return ":".join(map(str, (*kind, usd)))

    def price(self) -> dict[str, Any]:
        """What `set_price` needs."""
        values = self.cleaned_data
        return {
            "deployment": values["deployment"],
            "usage_class": values["usage_class"],
            "service_tier": values["service_tier"],
            "min_input_tokens": values["min_input_tokens"],
            "price_pico": values["usd_per_million"],
            "valid_from": values["begins_at"],
        }


class ValidityFilter(admin.SimpleListFilter):
    title = "validity"
    parameter_name = "validity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", "Holds now"), ("later", "Scheduled"), ("ended", "Ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Price]) -> QuerySet[Price]:
        now = timezone.now()
        if self.value() == "now":
            return queryset.filter(valid__contains=now)
        if self.value() == "later":
            return queryset.filter(valid__startswith__gt=now)
        if self.value() == "ended":
            return queryset.filter(valid__endswith__lte=now)
        return queryset


@admin.register(Price)
class PriceAdmin(PlatformAdmin):
    """Prices are added, never changed: what calls have cost is history."""

    form = NewPriceForm
    list_display = (
        "deployment",
        "usage_class",
        "service_tier",
        "step",
        "per_million",
        "change",
        "state",
        "begins",
        "ends",
        "source",
    )
    list_select_related = ("deployment",)
    list_filter = (ValidityFilter, "usage_class", "service_tier", "deployment__provider")
    search_fields = ("deployment__slug__startswith",)
    search_help_text = "Beginning of the deployment's short name."
    autocomplete_fields = ("deployment",)
    object_actions = ("what_if",)
    add_form_template = "admin/registry/price/add_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        """Each with the price before it, of the same thing."""
        same = {name: OuterRef(name) for name in ("deployment", *_KIND)}
        earlier = Price.objects.filter(**same, valid__startswith__lt=OuterRef("valid__startswith"))
        newest = earlier.order_by("-valid")
        rows: QuerySet[Price] = super().get_queryset(request)
        return rows.annotate(
            pico_before=Subquery(newest.values("price_pico")[:1]),
            block_before=Subquery(newest.values("per_block")[:1]),
        )

    @admin.display(description="Change")
    def change(self, price: Any) -> str:
        """Against the price before."""
        if price.pico_before is None:
            return NOTHING
        return change_of(price.pico_before * price.per_block, price.price_pico * price.block_before)

    @admin.action(description="What if it had held before?", permissions=["view"])
    def what_if(self, request: HttpRequest, queryset: QuerySet[Price]) -> HttpResponseRedirect:
        return what_if_of([("row", str(queryset.get().pk))])

    @admin.display(description="From tokens", ordering="min_input_tokens")
    def step(self, price: Price) -> SafeString:
        return step(price)

    @admin.display(description="USD a million", ordering="price_pico")
    def per_million(self, price: Price) -> SafeString:
        return per_million(price.price_pico, price.per_block)

    @admin.display(ordering="valid")
    def begins(self, price: Price) -> SafeString:
        return short_time(price.valid.lower)

    def ends(self, price: Price) -> SafeString:
        return short_time(price.valid.upper)

    def state(self, price: Price) -> SafeString:
        return validity(price.valid, now=timezone.now())

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return (
                "deployment",
                "usage_class",
                "service_tier",
                "min_input_tokens",
                "usd_per_million",
                "begins_at",
                "source",
            )
        return (*self.list_display, "per_block", "created_at")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method == "POST" and "_what_if" in request.POST:
            form = NewPriceForm(request.POST)
            if self.has_add_permission(request) and form.is_valid():
                return what_if_of([("price", form.as_text())])
        try:
            return super().add_view(request, form_url, extra_context)
        except PriceRefused as error:  # somebody else was faster since the form was checked
            messages.error(request, str(error))
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        row = set_price(**form.price(), source=form.cleaned_data["source"], now=timezone.now())
        obj.pk, obj.valid, obj.price_pico = row.pk, row.valid, row.price_pico
