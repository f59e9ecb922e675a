"""The languages of the client: English in the sources, Japanese through Qt Linguist, switched while running."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator, Signal

FOLDER: Final = Path(__file__).parent
LANGUAGES: Final = {"en": "English", "ja": "日本語"}


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Marks a text for translation where it is defined; `QCoreApplication.translate` looks it up where it is shown.

    Qt's own function of this name is typed to return an object.
    """
    return text


def system_language() -> str:
    """ "ja" when the desktop's language is Japanese, else `en`."""
    return "ja" if QLocale.system().language() == QLocale.Language.Japanese else "en"


class Languages(QObject):
    """Installs the translators of one language; every widget is then told by LanguageChange."""

    changed = Signal()

    def __init__(self, language: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._translators: list[QTranslator] = []
        self._language = "en"
        self._locale = QLocale(QLocale.Language.English, QLocale.Country.UnitedStates)
        QLocale.setDefault(self._locale)
        self.choose(language)

    @property
    def language(self) -> str:
        return self._language

    def choose(self, language: str) -> None:
        """Switches to "en" or "ja".

        Raises:
            FileNotFoundError: a translation file is missing from the installation.
        """
        if language == self._language:
            return
        for translator in self._translators:
            QCoreApplication.removeTranslator(translator)
        self._translators = []
        self._language = language
        if language == "ja":
            QLocale.setDefault(QLocale(QLocale.Language.Japanese, QLocale.Country.Japan))
            qt_folder = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
            for path in (qt_folder / "qtbase_ja.qm", FOLDER / "ja.qm"):
                self._install(path)
        else:
            QLocale.setDefault(self._locale)
        self.changed.emit()

    def _install(self, path: Path) -> None:
        translator = QTranslator(self)
        if not translator.load(str(path)):
            raise FileNotFoundError(f"The translation {path} is missing or damaged; reinstall trimtab[gui].")
        QCoreApplication.installTranslator(translator)
        self._translators.append(translator)
