from django.urls import path

from apps.exports.api.views import (
    ExportFileView,
    ExportsView,
    ExportView,
    ManageExportFileView,
    ManageExportsView,
    ManageExportView,
)

urlpatterns = [
    path("costs/exports/", ExportsView.as_view(), name="exports"),
    path("costs/exports/<uuid:pk>/", ExportView.as_view(), name="export"),
    path("costs/exports/<uuid:pk>/file/", ExportFileView.as_view(), name="export-file"),
    path("manage/costs/exports/", ManageExportsView.as_view(), name="manage-exports"),
    path("manage/costs/exports/<uuid:pk>/", ManageExportView.as_view(), name="manage-export"),
    path(
        "manage/costs/exports/<uuid:pk>/file/",
        ManageExportFileView.as_view(),
        name="manage-export-file",
    ),
]
