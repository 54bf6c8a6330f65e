package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sonm/app/event"
)

// encoder is how a kind of film is made with ffmpeg, which is not a part of
// SONM: it is used where it is installed.
type encoder struct {
	name string   // as ffmpeg lists it
	args []string // quality without visible loss
}

// encoders are those of an ending, the preferred first. Players everywhere read
// H.264 in 4:2:0.
var encoders = map[string][]encoder{
	".mp4": {
		{"libx264", []string{"-crf", "17", "-preset", "medium", "-pix_fmt", "yuv420p", "-movflags", "+faststart"}},
		{"libopenh264", []string{"-b:v", "20M", "-pix_fmt", "yuv420p", "-movflags", "+faststart"}},
		{"mpeg4", []string{"-q:v", "2", "-pix_fmt", "yuv420p", "-movflags", "+faststart"}},
	},
	".mkv": {
		{"libx264", []string{"-crf", "17", "-preset", "medium", "-pix_fmt", "yuv420p"}},
		{"ffv1", nil},
	},
	".webm": {
		{"libvpx-vp9", []string{"-crf", "20", "-b:v", "0", "-row-mt", "1", "-pix_fmt", "yuv420p"}},
		{"libvpx", []string{"-crf", "8", "-b:v", "20M", "-pix_fmt", "yuv420p"}},
	},
}

// listing bounds how long ffmpeg may take to say what it can do.
const listing = 20 * time.Second

// findEncoder says how to make a film, or in a sentence that it cannot be made
// here.
func findEncoder(ctx context.Context, film string) (encoder, error) {
	ctx, cancel := context.WithTimeout(ctx, listing)
	defer cancel()
	ext := strings.ToLower(filepath.Ext(film))
	pictures := "Save the frames as pictures instead, for example -o " + strings.TrimSuffix(filepath.Base(film), filepath.Ext(film)) + ".png"
	out, err := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-encoders").Output()
	if err != nil {
		ails, do := "is not installed", "Install ffmpeg. "
		if !errors.Is(err, exec.ErrNotFound) {
			ails, do = "does not work", ""
		}
		return encoder{}, &event.Problem{
			Code: "encoder", What: fmt.Sprintf("The film %s cannot be made on this computer: ffmpeg, which encodes films, %s.", filepath.Base(film), ails),
			Do: do + pictures + ".", Cause: err,
		}
	}
	for _, e := range encoders[ext] {
		for line := range strings.Lines(string(out)) {
			if f := strings.Fields(line); len(f) > 1 && f[1] == e.name {
				return e, nil
			}
		}
	}
	return encoder{}, &event.Problem{
		Code: "encoder", What: fmt.Sprintf("The film %s cannot be made on this computer: its ffmpeg has no encoder for %s files.", filepath.Base(film), ext),
		Do: "Choose another kind of film. " + pictures + ".",
	}
}

// encode makes a film of PNG files, in order. After a crash or a power cut there
// is the old film or the new one.
func encode(ctx context.Context, film string, frames []string, fps float64) error {
	e, err := findEncoder(ctx, film)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(film), ".sonm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "film"+strings.ToLower(filepath.Ext(film)))
	args := []string{"-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-f", "image2pipe", "-framerate", strconv.FormatFloat(fps, 'f', -1, 64), "-c:v", "png", "-i", "pipe:0"}
	if e.name != "ffv1" { // 4:2:0 needs even sides: a row or column of black at most
		args = append(args, "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2")
	}
	args = append(append(append(args, "-c:v", e.name), e.args...), made)
	pipe, feed := io.Pipe()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "ffmpeg", args...)
	cmd.Stdin, cmd.Stderr, cmd.WaitDelay = pipe, &said, 10*time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	fed := make(chan error, 1)
	go func() { fed <- feedFrames(feed, frames) }()
	err = cmd.Wait()
	pipe.CloseWithError(io.ErrClosedPipe) // the feeder ends if ffmpeg did first
	if ferr := <-fed; ferr != nil && !errors.Is(ferr, io.ErrClosedPipe) {
		return ferr
	}
	if err != nil {
		return &event.Problem{
			Code: "encoder", What: fmt.Sprintf("The frames are saved, but ffmpeg could not make the film %s of them: %s.", filepath.Base(film), lastWords(said.String(), err)),
			Do: "The frames can be made into a film with another program.", Cause: err,
		}
	}
	if err := onDisk(made); err != nil {
		return err
	}
	return os.Rename(made, film)
}

// onDisk waits until a file that another program wrote is on the disk.
func onDisk(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func feedFrames(to *io.PipeWriter, frames []string) error {
	for _, name := range frames {
		f, err := os.Open(name)
		if err == nil {
			_, err = io.Copy(to, f)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			to.CloseWithError(err)
			return err
		}
	}
	return to.Close()
}

// lastWords is the last line that a program said.
func lastWords(said string, err error) string {
	said = strings.TrimRight(strings.TrimSpace(said), ".")
	if said == "" {
		return err.Error()
	}
	return said[strings.LastIndexByte(said, '\n')+1:]
}
