"""`GET /api/v1/budgets/`."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.budgets.api.serializers import BudgetSerializer
from apps.budgets.models import Budget
from apps.budgets.overview import overviews
from apps.budgets.selectors import budgets_of
from apps.core.clock import db_now


class BudgetListView(ListAPIView[Budget]):
    """The budgets that your calls count to: limit, spent, held, remaining, and the forecast."""

    queryset = Budget.objects.none()
    serializer_class = BudgetSerializer
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Budget]:
        caller = self.request.user.caller  # type: ignore[union-attr]
        return budgets_of(service=caller.service, team=caller.team, cost_center=caller.cost_center)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        found = overviews(budgets=page, now=db_now())
        return self.get_paginated_response(BudgetSerializer(found, many=True).data)
