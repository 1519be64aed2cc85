// talos114 FILE...: load machine configurations with Talos' own library, of a version that has no
// released talosctl yet, and validate them strictly for a machine that boots from its own disk.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/validation"
)

// metal tells the library what kind of machine the file is meant for.
type metal struct{}

func (metal) String() string        { return "metal" }
func (metal) RequiresInstall() bool { return true }
func (metal) InContainer() bool     { return false }

// older names the version of this library where it is older than the documents: it then judges each document that it
// knows by itself, and names the others.
var older string

func validate(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if older == "" {
		return validateWhole(data)
	}
	for _, document := range bytes.Split(data, []byte("\n---\n")) {
		kind := kindOf(document)
		if kind == "" {
			// What is left of v1alpha1 is no configuration without the documents that are missing: reading it must do.
			_, err = configloader.NewFromBytes(document)
		} else {
			err = validateWhole(document)
		}
		if err != nil && strings.Contains(err.Error(), "not registered") {
			fmt.Println("not known to", older+":", kind)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func validateWhole(data []byte) error {
	config, err := configloader.NewFromBytes(data)
	if err != nil {
		return err
	}
	// Local leaves out the checks of hardware, which is not here. Strict makes warnings errors.
	warnings, err := config.Validate(metal{}, validation.WithLocal(), validation.WithStrict())
	for _, warning := range warnings {
		err = errors.Join(err, errors.New(warning))
	}
	return err
}

func kindOf(document []byte) string {
	for line := range strings.Lines(string(document)) {
		if kind, found := strings.CutPrefix(line, "kind: "); found {
			return strings.TrimSpace(kind)
		}
	}
	return ""
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: talos114 FILE...")
		os.Exit(2)
	}
	refused := false
	for _, path := range os.Args[1:] {
		if err := validate(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			refused = true
		}
	}
	if refused {
		os.Exit(1)
	}
}
