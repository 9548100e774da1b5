def test_a_still_picture_stands_in_where_there_is_no_html(monkeypatch):
    shown = []
    monkeypatch.setattr(interactive, "display", lambda bundle, raw: shown.append(bundle))
    figure = plt.figure()
    interactive.show("figure-1", still=figure, **PARTS)
    interactive.show("figure-2", **PARTS)
    assert shown[0]["text/html"] == interactive.markup("figure-1", **PARTS)
    assert base64.b64decode(shown[0]["image/png"]).startswith(b"\x89PNG")
    assert not plt.fignum_exists(figure.number)
    assert "image/png" not in shown[1]
