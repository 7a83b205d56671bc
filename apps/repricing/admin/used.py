"""Where the price of a booked line stands."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from apps.repricing.models import RecostRate


@require_safe
def price_used(request: HttpRequest, pk: int) -> HttpResponse:
    """Leads to the row of the price list or, of a call that was priced anew, to its recost: both
    are numbered by one sequence."""
    recost = RecostRate.objects.filter(pk=pk).values_list("recost_id", flat=True).first()
    if recost is not None:
        return redirect("admin:repricing_recost_change", recost)
    return redirect("admin:registry_price_change", pk)
