# brew install --formula packaging/homebrew/belay.rb, behind `make dist`.
class Belay < Formula
  desc "ssh that does not fall"
  version "0.1.0"
  url "file://#{File.expand_path("../../build/belay-#{version}.tar.gz", __dir__)}"
  license "ISC"

  def install
    system "make", "install", "CC=#{ENV.cc}", "PREFIX=#{prefix}"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/belay --version")
  end
end
