from django.urls import path

from apps.results.api.feedback import FeedbackView

urlpatterns = [path("feedback/", FeedbackView.as_view(), name="feedback")]
