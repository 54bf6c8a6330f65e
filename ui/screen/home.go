// Package screen holds the pages of the window, each made from the values of
// package view.
package screen

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"

	"sonm/assets/icon"
	ours "sonm/ui/theme"
	"sonm/ui/view"
	"sonm/ui/widget"
)

// Home says what this build can do and what is installed. Lines that the person
// copies go to copy.
func Home(s view.Status, copy func(string)) fyne.CanvasObject {
	commands := view.Commands()
	left := []fyne.CanvasObject{hero(s, commands[0], copy), all(commands[1:], copy)}
	body := container.New(&split{right: 290, gap: 16}, widget.Rows(16, left...), computer(s))
	return page("Welcome to SONM", "One supercomputer made of ordinary computers, with no company in the middle.", body)
}

// Unknown is the page when the status could not be looked up.
func Unknown() fyne.CanvasObject {
	return page("Welcome to SONM", "This program could not find out what is installed.", widget.Card(widget.Paragraph(
		"The terminal commands may still work: open a terminal in the folder of this program and type \"sonm status\".",
		theme.SizeNameText, ours.Muted)))
}

func page(title, sub string, body fyne.CanvasObject) fyne.CanvasObject {
	head := widget.Rows(6,
		widget.Text(title, ours.Display, theme.ColorNameForeground, true),
		widget.Text(sub, theme.SizeNameText, ours.Muted, false),
	)
	return container.NewVScroll(container.New(layout.NewCustomPaddedLayout(28, 28, 30, 30), widget.Rows(22, head, body)))
}

// hero is the first thing to try.
func hero(s view.Status, first view.Command, copy func(string)) fyne.CanvasObject {
	pill := widget.Pill("PRACTICE MODE", theme.ColorNamePrimary)
	head := widget.Columns(12,
		container.NewCenter(widget.Text("Render your first scene", theme.SizeNameHeadingText, theme.ColorNameForeground, true)), pill)
	what := "A scene goes in, three computers share the work and check each other, they are paid with play money, " +
		"and the picture comes out. In this build jobs are started from a terminal; this window shows what is installed."
	rows := []fyne.CanvasObject{
		head, widget.Paragraph(what, theme.SizeNameText, ours.Muted), widget.Gap(0, 2), prompt(first.Line, copy),
	}
	if advice := s.Advice(); advice != "" {
		rows = append(rows, widget.Paragraph(advice, theme.SizeNameText, theme.ColorNameWarning))
	}
	return widget.Card(widget.Rows(10, rows...))
}

// prompt is a line to type, with a button that copies it.
func prompt(line string, copy func(string)) fyne.CanvasObject {
	row := container.NewBorder(nil, nil, nil, widget.NewButton(widget.Primary, "Copy", resource("copy.svg", icon.Copy), func() { copy(line) }),
		container.NewHBox(container.NewCenter(widget.Code(line))))
	return widget.Well(container.New(layout.NewCustomPaddedLayout(6, 6, 14, 6), row))
}

func all(commands []view.Command, copy func(string)) fyne.CanvasObject {
	rows := []fyne.CanvasObject{
		widget.Text("What else this build can do", theme.SizeNameSubHeadingText, theme.ColorNameForeground, true),
		widget.Gap(0, 4),
	}
	for i, c := range commands {
		if i > 0 {
			rows = append(rows, widget.Line())
		}
		button := widget.NewButton(widget.Quiet, "", resource("copy.svg", icon.Copy), func() { copy(c.Line) }).Say("Copy " + c.Line)
		words := widget.Rows(3, widget.Code(c.Line), widget.Text(c.What, theme.SizeNameCaptionText, ours.Muted, false))
		rows = append(rows, container.NewBorder(nil, nil, nil, container.NewCenter(button), words))
	}
	return widget.Card(widget.Rows(9, rows...))
}

// computer lists what was found beside this program.
func computer(s view.Status) fyne.CanvasObject {
	rows := []fyne.CanvasObject{
		widget.Text("This computer", theme.SizeNameSubHeadingText, theme.ColorNameForeground, true),
		widget.Gap(0, 4),
		fact("Processor", s.CoresText()),
		fact("Version", s.Version),
		widget.Line(),
	}
	for _, p := range s.Parts {
		rows = append(rows, part(p))
	}
	return widget.Rows(0, widget.Card(widget.Rows(12, rows...)))
}

func fact(name, value string) fyne.CanvasObject {
	return container.NewBorder(nil, nil,
		widget.Text(name, theme.SizeNameText, ours.Muted, false),
		widget.Text(value, theme.SizeNameText, theme.ColorNameForeground, false))
}

func part(p view.Part) fyne.CanvasObject {
	state, ink := "Ready", theme.ColorNameSuccess
	if !p.Found {
		state, ink = "Missing", theme.ColorNameWarning
	}
	name := widget.Rows(2,
		widget.Text(p.Name, theme.SizeNameText, theme.ColorNameForeground, false),
		widget.Text(p.File, theme.SizeNameCaptionText, ours.Muted, false))
	return container.NewBorder(nil, nil, name, container.NewCenter(widget.Pill(state, ink)))
}

func resource(name string, b []byte) fyne.Resource { return fyne.NewStaticResource(name, b) }
