"""Pages that scroll where a small window or large text leaves them too little room, and only then."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QStackedWidget, QTabWidget, QWidget

_MAY_RESIZE: Final = (QEvent.Type.LayoutRequest, QEvent.Type.StyleChange, QEvent.Type.FontChange)


def scrolling(page: QWidget) -> QScrollArea:
    """A frameless area that is as large as there is room for, and scrolls what needs more."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    # The fields inside take the focus, and the area follows them.
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(page)
    return area


class Column(QScrollArea):
    """A narrow column, as wide as what is in it, that the wheel and the Tab key move where the window is too low."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self._content = content
        self.setWidget(content)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # An area has a size of its own: nobody else tells the layout around it that the content became wider.
        if watched is self._content and event.type() in _MAY_RESIZE:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def sizeHint(self) -> QSize:
        return QSize(self._content.sizeHint().width(), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(self.sizeHint().width(), 0)


class Pages(QTabWidget):
    """Tabs of which each scrolls by itself; its pages are spoken of as if there were nothing around them."""

    def __init__(self) -> None:
        super().__init__()
        self.setDocumentMode(True)
        self._areas: dict[QWidget, QScrollArea] = {}

    def add(self, page: QWidget) -> None:
        """Adds a page; its title is set by `setTabText`."""
        self._areas[page] = scrolling(page)
        self.addTab(self._areas[page], "")

    def indexOf(self, page: QWidget) -> int:
        return super().indexOf(self._areas.get(page, page))

    def setCurrentWidget(self, page: QWidget) -> None:
        super().setCurrentWidget(self._areas.get(page, page))

    def currentWidget(self) -> QWidget:
        shown = super().currentWidget()
        return next((page for page, area in self._areas.items() if area is shown), shown)

    def widget(self, index: int) -> QWidget | None:
        return _inside(super().widget(index))


class Stack(QStackedWidget):
    """The same without tabs."""

    def __init__(self) -> None:
        super().__init__()
        self._areas: dict[QWidget, QScrollArea] = {}

    def add(self, page: QWidget) -> None:
        self._areas[page] = scrolling(page)
        self.addWidget(self._areas[page])

    def setCurrentWidget(self, page: QWidget) -> None:
        super().setCurrentWidget(self._areas.get(page, page))

    def currentWidget(self) -> QWidget | None:
        return _inside(super().currentWidget())


def _inside(widget: QWidget | None) -> QWidget | None:
    return widget.widget() if isinstance(widget, QScrollArea) else widget
