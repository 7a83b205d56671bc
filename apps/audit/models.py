"""The history of all tracked tables as one list."""

from pghistory.models import Events


class AuditEntry(Events):
    """One insert, update or delete of a tracked row. Nothing is stored here: the rows stay in the
    event table of each model."""

    class Meta:
        proxy = True
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        default_manager_name = "objects"

    def __str__(self) -> str:
        return f"{self.pgh_label} of {self.pgh_obj_model} {self.pgh_obj_id}"
