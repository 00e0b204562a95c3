# `make dist` puts a copy with the archive's checksum into build/dist.  Homebrew wants it in a tap:
#   brew tap-new belay/local; cp build/dist/belay.rb "$(brew --repo belay/local)/Formula/"
#   brew install belay/local/belay
class Belay < Formula
  desc "ssh that does not fall"
  version "0.2.0"
  url "file://#{File.expand_path("../../build/dist/belay-#{version}.tar.gz", __dir__)}"
  license "ISC"

  resource "bearssl" do
    url "https://bearssl.org/bearssl-0.6.tar.gz"
    sha256 "6705bba1714961b41a728dfc5debbe348d2966c117649392f8c8139efc83ff14"
  end

  def install
    bearssl = buildpath/"bearssl"
    resource("bearssl").stage bearssl
    system "make", "-C", bearssl, "lib", "CC=#{ENV.cc}"
    system "make", "install", "CC=#{ENV.cc}", "PREFIX=#{prefix}",
           "BEARSSL=#{bearssl}/build/libbearssl.a"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/belay --version")
  end
end
